"""What the site is made from: results.json and the optional tables, read and checked. Members that the site shows and a file
lacks are told in one line; members that it does not know are left alone."""
import json
import os

VERDICTS = ("PASS", "FAIL", "SKIP", "XFAIL")
SCHEMA = 2
LARGEST = 2 ** 63
LAST_TIME = 253402300799  # of the year 9999

# Name of the member: what it must be. A tuple lists words; "?" may be null or missing.
RESULT = {
    "id": "text", "network": "text", "layer": "text", "variant": "text", "config": "text", "pattern": "text", "dtype": "text",
    "structure": "text", "stall_percent": "count", "sparsity": "count", "macs": "count", "multipliers": "count?",
    "verdict": VERDICTS, "reason": "text", "note": "text?", "mapping": "text?", "engines": "object", "terms": "object",
    "rtl_cycles": "count?", "predicted_cycles": "count?", "roofline_cycles": "count?", "error_cycles": "number?",
    "error_percent": "number?", "utilisation": "count?", "rtl_seconds": "count?", "gated": "truth", "replay": "text",
    "quantisation": "object?", "mismatch": "object?",
}
ENGINE = {"verdict": VERDICTS, "ran": "truth", "seconds": "count", "hash": "text?", "soc": "object?"}
SOC = {"instructions": "count", "soc_cycles": "count", "cpu_cycles": "count", "wait_cycles": "count", "accel_cycles": "count",
       "host_seconds": "count?"}
TERM = {"predicted": "count?", "measured": "count?"}
MISMATCH = {"engine": "text", "n": "count", "y": "count", "x": "count", "c": "count", "expected": "number", "got": "number",
            "where": "text?", "differing": "count", "total": "count"}
QUANTISATION = {"low": "number", "high": "number", "scale": "number", "zero_point": "number", "clipped": "number",
                "sqnr_db": "number?"}
GATE = {"variant": "text", "config": "text", "verdict": VERDICTS, "reason": "text", "layers": "count", "layers_at_zero": "count",
        "max_percent": "count?", "mean_percent": "count?", "limit_max_percent": "count?", "limit_mean_percent": "count?",
        "roofline_max_percent": "count?", "roofline_mean_percent": "count?"}
RUN = {"suite": "text", "seed": "number", "seconds": "count", "passed": "count", "failed": "count", "skipped": "count",
       "xfailed": "count", "system": "object?", "command": "text?", "commit": "text?", "dirty": "truth?", "time": "time?",
       "environment": "object?"}
SYSTEM = {"map": "text?", "cpu_mips": "count?", "clock_mhz": "count?", "device": "text?", "wait": "text?"}
ENVIRONMENT = {"cpu": "text?", "cores": "count?", "os": "text?", "verilator": "text?", "compiler": "text?"}
ACCURACY = {"network": "text", "variant": "text", "config": "text", "sparsity": "count", "measure": "text", "images": "count",
            "float": "count?", "float_low": "count?", "float_high": "count?", "int8": "count?", "int8_low": "count?",
            "int8_high": "count?", "drop": "number?", "agree_top1": "count?", "model_images": "count", "rtl_images": "count",
            "max_drop_points": "count?", "verdict": VERDICTS}
HISTORY = {"run": "count", "suite": "text", "commit": "text?", "dirty": "truth?", "time": "time", "seconds": "count",
           "passed": "count", "failed": "count", "skipped": "count", "xfailed": "count", "rtl_cycles": "count?",
           "predicted_cycles": "count?", "rtl_seconds": "count?", "macs": "count?"}
COVERED = ("c_lines", "rtl_lines", "rtl_toggle", "rtl_user")
ROOM = {"room": "text", **{name: "object?" for name in COVERED}}
SHARE = {"hit": "count", "total": "count"}
TOTALS = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP", "xfailed": "XFAIL"}


class Damaged(Exception):
    """One line: what, where, what was expected."""


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST  # no infinity, no NaN


KINDS = {"text": lambda v: isinstance(v, str), "number": is_number, "count": lambda v: is_number(v) and v >= 0,
         "time": lambda v: is_number(v) and 0 <= v <= LAST_TIME, "truth": lambda v: isinstance(v, bool),
         "object": lambda v: isinstance(v, dict), "list": lambda v: isinstance(v, list)}


def check(where, value, members):
    if not isinstance(value, dict):
        raise Damaged("%s: expected an object" % where)
    for name, kind in members.items():
        found = value.get(name)
        if isinstance(kind, tuple):
            if found not in kind:
                raise Damaged("%s.%s: expected one of %s, got %.40r" % (where, name, ", ".join(kind), found))
        elif found is None and kind.endswith("?"):
            value[name] = None
        elif not KINDS[kind.rstrip("?")](found):
            raise Damaged("%s.%s: expected %s, got %.40r" % (where, name, kind.rstrip("?"), found))


def check_each(where, values, members):
    for i, value in enumerate(values):
        check("%s[%d]" % (where, i), value, members)


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise Damaged("%s: %s" % (path, error.strerror)) from error
    except RecursionError as error:
        raise Damaged("%s: nested too deeply" % path) from error
    except ValueError as error:
        raise Damaged("%s: not JSON: %s" % (path, error)) from error


def read_results(path):
    root = read_json(path)
    check(path, root, {"run": "object", "gates": "list", "results": "list", "schema": "number?"})
    if root["schema"] != SCHEMA:
        raise Damaged("%s: schema %s, expected %d" % (path, root["schema"], SCHEMA))
    check(path + ": run", root["run"], RUN)
    check(path + ": run.system", root["run"]["system"] or {}, SYSTEM)
    check(path + ": run.environment", root["run"]["environment"] or {}, ENVIRONMENT)
    check_each(path + ": gates", root["gates"], GATE)
    if not root["results"]:
        raise Damaged("%s: results: expected at least one" % path)
    for i, result in enumerate(root["results"]):
        where = "%s: results[%d]" % (path, i)
        check(where, result, RESULT)
        for name, engine in result["engines"].items():
            check("%s.engines.%s" % (where, name), engine, ENGINE)
            if engine["soc"] is not None:
                check("%s.engines.%s.soc" % (where, name), engine["soc"], SOC)
        for name, term in result["terms"].items():
            check("%s.terms.%s" % (where, name), term, TERM)
        if result["mismatch"] is not None:
            check(where + ".mismatch", result["mismatch"], MISMATCH)
        if result["quantisation"] is not None:
            check(where + ".quantisation", result["quantisation"], QUANTISATION)
        result["run"] = root["run"]
        result["suite"] = root["run"]["suite"]
    check_consistent(path, root)
    return root


def check_consistent(path, root):
    """What the file says of itself must follow from its results; `bittrue merge` and `bittrue compare` hold it against more."""
    limits = {(g["variant"], g["config"]): g["limit_max_percent"] or 0 for g in root["gates"]}  # what says nothing allows nothing
    seen = set()
    for i, r in enumerate(root["results"]):
        where = "%s: results[%d]" % (path, i)
        if r["id"] in seen:
            raise Damaged("%s: %.200r is there twice" % (where, r["id"]))
        seen.add(r["id"])
        check_verdict(where, r)
        measured, predicted = r["rtl_cycles"], r["predicted_cycles"]
        if None not in (measured, predicted, r["error_cycles"]) and r["error_cycles"] != predicted - measured:
            raise Damaged("%s: an error of %d cycles, predicted %d, measured %d" % (where, r["error_cycles"], predicted, measured))
        if r["gated"] and r["verdict"] == "PASS":
            check_gated(where, r, limits)
    for g in root["gates"]:
        if g["verdict"] == "PASS" and (g["max_percent"] or 0) > limits[g["variant"], g["config"]]:
            raise Damaged("%s: gate of %.40s %.40s: PASS with an error of %g %%, allowed %g %%" % (
                path, g["variant"], g["config"], g["max_percent"], limits[g["variant"], g["config"]]))
    found = [v["verdict"] for v in root["results"] + root["gates"]]
    for name, verdict in TOTALS.items():
        if root["run"][name] != found.count(verdict):
            raise Damaged("%s: run.%s is %d: its results and gates have %d %s" % (
                path, name, root["run"][name], found.count(verdict), verdict))


def check_verdict(where, r):
    failed = [name for name, engine in r["engines"].items() if engine["verdict"] == "FAIL"]
    if r["verdict"] != "FAIL" and (failed or r["mismatch"] is not None):
        raise Damaged("%s: %s beside %s" % (where, r["verdict"], "a FAIL of %.40s" % failed[0] if failed else "a mismatch"))


def check_gated(where, r, limits):
    unit = (r["variant"], r["config"])
    if unit not in limits:
        raise Damaged("%s: gated, and no gate of %.40s %.40s" % (where, *unit))
    measured, predicted = r["rtl_cycles"], r["predicted_cycles"]
    if measured is None or predicted is None:
        raise Damaged("%s: gated, and PASS without cycles" % where)
    if abs(predicted - measured) > limits[unit] * measured / 100:
        raise Damaged("%s: PASS with %d cycles predicted, %d measured, allowed %g %%" % (where, predicted, measured, limits[unit]))


def same_outcome(a, b):
    """Bits, cycles and verdict; not what is of the machine."""
    hashes = [{name: engine["hash"] for name, engine in r["engines"].items() if engine["hash"]} for r in (a, b)]
    return all(a[name] == b[name] for name in ("verdict", "macs", "rtl_cycles", "predicted_cycles")) and all(
        hashes[0][name] == hashes[1][name] for name in hashes[0].keys() & hashes[1].keys())


def read_all(paths):
    """Files of results that may stand beside each other: two suites may have run the same, and must have got the same."""
    first, files, roots = {}, {}, []
    for path in paths:
        real = os.path.realpath(path)
        if real in files:
            raise Damaged("%s: given twice" % path)
        files[real] = path
        root = read_results(path)
        roots.append(root)
        for r in root["results"]:
            other, r0 = first.setdefault(r["id"], (path, r))
            if r0 is r:
                continue
            if r0["suite"] == r["suite"]:
                raise Damaged("%s: has the result %.200r of the suite %.40s, as %s has" % (path, r["id"], r["suite"], other))
            if not same_outcome(r0, r):
                raise Damaged("%s: the result %.200r has other bits, cycles or verdict than in %s" % (path, r["id"], other))
    return roots


def read_optional(path, default, read):
    """None where nobody asked for a file and the default is not there: the section says so."""
    asked, path = path is not None, path or default
    try:
        with open(path, encoding="utf-8"):
            pass
    except FileNotFoundError as error:
        if asked:
            raise Damaged("%s: %s" % (path, error.strerror)) from error
        return None
    except OSError as error:
        raise Damaged("%s: %s" % (path, error.strerror)) from error
    return read(path)


def read_accuracy(path):
    rows = read_json(path)
    if not isinstance(rows, list):
        raise Damaged("%s: expected a list" % path)
    check_each(path + ": ", rows, ACCURACY)
    return rows


def read_history(path):
    root = read_json(path)
    check(path, root, {"runs": "list"})
    check_each(path + ": runs", root["runs"], HISTORY)
    return root["runs"]


def read_coverage(path):
    root = read_json(path)
    check(path, root, {"rooms": "list"})
    check_each(path + ": rooms", root["rooms"], ROOM)
    for i, room in enumerate(root["rooms"]):
        for name in COVERED:
            if room[name] is not None:
                check("%s: rooms[%d].%s" % (path, i, name), room[name], SHARE)
    return root["rooms"]
