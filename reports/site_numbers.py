"""Numbers that follow from the results: who counts, sums, parts of the cycles."""
import hashlib
import re

WORST = ("FAIL", "XFAIL", "PASS", "SKIP")


def worst(verdicts):
    found = set(verdicts)
    return next((v for v in WORST if v in found), "SKIP")


def tally(verdicts):
    count = dict.fromkeys(WORST, 0)
    for verdict in verdicts:
        count[verdict] += 1
    return count


def parts(result):
    """The terms whose measured cycles make up the whole: those behind "cycles" until their sum is reached; the rest of the terms
    are counters of something else."""
    whole = (result["terms"].get("cycles") or {}).get("measured")
    found, total = {}, 0
    for name, term in result["terms"].items():
        if name == "cycles" or not whole:
            continue
        if term["measured"] is None or total == whole:
            break
        found[name] = term["measured"]
        total += term["measured"]
    return found if total == whole else {}


SHAPES = "shapes"  # the network that the harness calls a suite's own shapes


def layer_name(result):
    """Without the chain, or the whole network, that it ran in."""
    return result["layer"].split("/", 1)[-1]


def is_whole(result):
    """A layer of a whole network, which reads what the one before wrote."""
    return result["layer"].startswith("chained/")


def counts(result):
    """Adding up several runs of one layer would mean nothing: uniform data without random stalls, as summary.md has it."""
    return (result["gated"] and result["pattern"] == "uniform" and result["rtl_cycles"] and result["predicted_cycles"] is not None
            and ("/" not in result["layer"] or is_whole(result)))


def data_of(result):
    text = result["dtype"]
    if result["sparsity"]:
        text += ", %d %% pruned" % result["sparsity"] + (" (%s)" % result["structure"] if result["structure"] != "random" else "")
    return text


def unit_of(result):
    return (result["variant"], result["config"])


class Sum:
    """Layers of a network on one configuration."""

    def __init__(self, first):
        self.first = first
        self.results = []

    def total(self, name):
        return sum(r[name] or 0 for r in self.results)

    @property
    def utilisation(self):
        capacity = sum((r["multipliers"] or 0) * r["rtl_cycles"] for r in self.results)
        return self.total("macs") / capacity if capacity else None

    @property
    def giga_per_second(self):
        seconds = self.total("rtl_seconds")
        return 1e-9 * self.total("macs") / seconds if seconds else None

    def error(self, name):
        """In percent of what was measured."""
        known = [r for r in self.results if r[name] is not None]
        measured = sum(r["rtl_cycles"] for r in known)
        return 100 * (sum(r[name] for r in known) - measured) / measured if measured else None

    def parts(self):
        total = {}
        for result in self.results:
            for name, cycles in parts(result).items():
                total[name] = total.get(name, 0) + cycles
        return total


def group(results, key):
    found = {}
    for result in results:
        found.setdefault(key(result), []).append(result)
    return found


def sums(results):
    found = {}
    for r in filter(counts, results):
        key = (r["suite"], r["network"], is_whole(r), r["variant"], r["config"], data_of(r))
        found.setdefault(key, Sum(r)).results.append(r)
    return list(found.values())


def roofline_percent(result):
    if result["roofline_cycles"] is None or not result["rtl_cycles"]:
        return None
    return 100 * (result["roofline_cycles"] - result["rtl_cycles"]) / result["rtl_cycles"]


def slug(name):
    """A file name that is safe everywhere, and another one for another name: a name that does not serve as it is gets a hash, behind
    a character that no other has."""
    plain = name.replace("/", "--")
    if re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,79}", plain) and "--" not in name:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
    return "%s~%s" % (re.sub(r"[^a-z0-9_]+", "-", name.lower())[:40].strip("-") or "x", digest)
