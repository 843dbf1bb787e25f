"""The pages: overview, all results, one per network, one per layer."""
import datetime
import shlex

from site_html import (GLYPH, NONE, Column, Html, bar, chip, command, esc, fixed, framed, join, legend, link, note, page, percent, section, signed,
                       signed_percent, small_table, table, tag, whole)
from site_input import COVERED
from site_numbers import (counts, data_of, group, is_whole, parts, roofline_percent, slug, sums, tally, unit_of, worst)

giga = fixed(3)


class Site:
    """What all pages need: the inputs, and where each page is."""

    def __init__(self, runs, accuracy, history, coverage):
        self.runs = runs  # roots of results.json
        self.results = [r for root in runs for r in root["results"]]
        self.accuracy, self.history, self.coverage = accuracy, history, coverage
        self.networks = group(self.results, lambda r: r["network"])
        self.variants = list(dict.fromkeys(r["variant"] for r in self.results))
        self.engines = list(dict.fromkeys(e for r in self.results for e in r["engines"]))
        self.suites = list(dict.fromkeys(r["suite"] for r in self.results))
        names = list(dict.fromkeys(name for r in self.results for name in parts(r)))
        self.colours = {name: 1 + i % 8 for i, name in enumerate(names)}
        self.place = {}
        for layers in self.layers().values():
            for i, r in enumerate(layers):
                self.place[id(r)] = i

    def layers(self):
        return group(self.results, lambda r: (r["network"], r["layer"]))

    def bar(self, shares):
        return bar(shares, self.colours)


def network_url(name):
    return "networks/%s.html" % slug(name)


def layer_url(network, layer):
    return "layers/%s/%s.html" % (slug(network), slug(layer))


def run_command(result, *more):
    return command(" ".join(["build/bittrue run --suite %s" % shlex.quote("suites/%s.yaml" % result["suite"]), "--network",
                             shlex.quote(result["network"]), *more]))


def unit_command(result):
    return run_command(result, "--variant", shlex.quote(result["variant"]), "--config", shlex.quote(result["config"]))


def suite_command(run):
    return command(run["command"] or "build/bittrue run --suite suites/%s.yaml" % run["suite"])


def prints(*commands):
    return tag("p", "Printed by ", join(commands, " or "), class_="prints")


# ---- overview ----

def tile(value, label, klass=""):
    return tag("div", tag("dd", value), tag("dt", label), class_="tile " + klass)


def headline(site):
    verdicts = tally(r["verdict"] for r in site.results)
    gates = [g for root in site.runs for g in root["gates"]]
    bad = verdicts["FAIL"] + sum(g["verdict"] == "FAIL" for g in gates)
    gated = [r for r in site.results if r["gated"] and r["error_cycles"] is not None]
    off = max((abs(r["error_cycles"]) for r in gated), default=None)
    macs = sum(r["macs"] for r in site.results if r["rtl_seconds"])
    seconds = sum(r["rtl_seconds"] or 0 for r in site.results)
    said = "Every output is bit-exact, every gate holds." if not bad else "%d verdicts failed." % bad
    if not verdicts["PASS"] and not bad:
        said = "Nothing passed: nothing was compared."
    return tag("section",
               tag("h1", "CNN accelerators, bit by bit and cycle by cycle"),
               tag("p", tag("strong", GLYPH["FAIL" if bad else "PASS"] + " " + said, class_="said " + ("FAIL" if bad else "PASS")),
                   " %s networks, %s variants, %s layers; engines %s." % (
                       whole(len(site.networks)), whole(len(site.variants)), whole(len(site.layers())), ", ".join(site.engines)), class_="lead"),
               tag("dl",
                   tile(whole(verdicts["PASS"]), "results pass", "PASS"),
                   tile(whole(verdicts["FAIL"]), "fail", "FAIL" if verdicts["FAIL"] else ""),
                   tile(whole(verdicts["XFAIL"]), "known cycle errors"),
                   tile(whole(verdicts["SKIP"]), "skipped"),
                   tile(NONE if off is None else whole(off), "cycles, largest error of %s predictions" % whole(len(gated))),
                   tile(fixed(2)(1e-9 * macs / seconds if seconds else None), "GMAC/s simulated on one core"),
                   class_="tiles"), class_="hero")


def failures(site):
    failed = [r for r in site.results if r["verdict"] == "FAIL"]
    if not failed:
        return ""
    shown = failed[:50]
    rows = [(link(layer_url(r["network"], r["layer"]) + "#r%d" % site.place[id(r)], r["network"] + " / " + r["layer"]), r["variant"],
             r["config"], r["pattern"], mismatch_text(r) or r["reason"] or "cycles outside the gate", command(r["replay"])) for r in shown]
    more = "" if len(shown) == len(failed) else note("The first %d of %d; " % (len(shown), len(failed)),
                                                     link("results.html#verdict=FAIL", "all of them"), ".")
    return section("failures", "Failures", more, table("What failed", [Column("layer"), Column("variant", "c"), Column("config", "c"),
                                                                     Column("data", "c"), Column("what"), Column("replay", "x")], rows))


def mismatch_text(r):
    m = r["mismatch"]
    if m is None:
        return ""
    return "%s: %s of %s elements differ, first n %d y %d x %d c %d: expected %d, got %d%s" % (
        m["engine"], whole(m["differing"]), whole(m["total"]), m["n"], m["y"], m["x"], m["c"], m["expected"], m["got"],
        " in " + m["where"] if m["where"] else "")


def matrix_cell(site, network, variant, results, engine):
    count = tally(r["engines"][engine]["verdict"] for r in results if engine in r["engines"])
    verdict = worst(v for v, n in count.items() if n)
    ran = sum(count.values()) - count["SKIP"]
    text = {"PASS": whole(count["PASS"]), "SKIP": whole(count["SKIP"]), "FAIL": "%s/%s" % (whole(count["FAIL"]), whole(ran)),
            "XFAIL": "%s/%s" % (whole(count["XFAIL"]), whole(ran))}[verdict]
    title = ", ".join("%s %s" % (whole(n), v) for v, n in count.items() if n)
    if not title:
        return Html('<td class="none">%s</td>' % NONE)
    return Html('<td class="%s"><a href="%s" title="%s"><span aria-hidden="true">%s</span> %s<span class="vh"> %s</span></a></td>' % (
        verdict, esc("results.html#network=%s&variant=%s" % (query(network), query(variant))),
        esc("%s, %s, %s: %s" % (network, variant, engine, title)), GLYPH[verdict], esc(text), verdict))


def query(text):
    """A value in a fragment of our own, which site.js reads."""
    return "".join("%%%02X" % b if not chr(b).isalnum() or b > 0x7f else chr(b) for b in text.encode("utf-8", "replace"))


def matrix(site):
    variants = site.variants
    head = "".join('<th colspan="%d" scope="colgroup">%s</th>' % (len(site.engines), esc(v)) for v in variants)
    engines = "".join('<th scope="col"%s>%s</th>' % (' class="first"' if i == 0 else "", esc(e)) for _ in variants for i, e in enumerate(site.engines))
    body = []
    for name, results in site.networks.items():
        by = group(results, lambda r: r["variant"])
        cells = [matrix_cell(site, name, v, by[v], e) if v in by else '<td class="none">%s</td>' % NONE for v in variants for e in site.engines]
        body.append("<tr><th scope=row>%s</th>%s</tr>" % (link(network_url(name), name), "".join(cells)))
    return section("verdicts", "Verdicts", note(
        "A cell counts results whose engine gave the reference's bits (", tag("b", GLYPH["PASS"] + " n"), "), a failing one those that did not of "
        "those that ran (", tag("b", GLYPH["FAIL"] + " n/ran"), "), one without a run those skipped (", tag("b", GLYPH["SKIP"] + " n"),
        "). For ", tag("b", "cycles"), " it is the gate on the prediction."),
        framed("Results by network, variant and engine", "matrix",
               Html('<td></td>%s</tr><tr><th scope="col">network</th>%s' % (head, engines)), Html("\n".join(body))),
        prints(*(suite_command(root["run"]) for root in site.runs)))


def figure(plots, name, text):
    if name not in plots:
        return ""
    return tag("figure", tag("div", plots[name], class_="scroll", tabindex="0", role="region", aria_label=text), tag("figcaption", text))


def cycle_error(site, plots):
    rows = [(g["variant"], g["config"], root["run"]["suite"], whole(g["layers"]), whole(g["layers_at_zero"]), fixed(4)(g["max_percent"]),
             fixed(4)(g["mean_percent"]), "%s / %s" % (fixed(4)(g["limit_max_percent"]), fixed(4)(g["limit_mean_percent"])),
             fixed(2)(g["roofline_max_percent"]), fixed(2)(g["roofline_mean_percent"]), chip(g["verdict"]), g["reason"])
            for root in site.runs for g in root["gates"]]
    columns = [Column("variant"), Column("config", "c"), Column("suite", "c"), Column("layers", "n"), Column("at 0", "n", "predictions without any error"),
               Column("max %", "n"), Column("mean %", "n"), Column("allowed max / mean %", "n"), Column("roofline max %", "n"),
               Column("roofline mean %", "n"), Column("gate", "c"), Column("reason")]
    return section("cycles", "Cycle error", note(
        "Predicted minus measured, in percent of measured. Measured from the clock edge that accepts the start to the edge at which done rises, "
        "counted outside the RTL. The exact predictor is a closed form over tiles; the roofline is the literature's, as printed."),
        tag("div", figure(plots, "cycles", "Predicted against measured cycles: the exact predictor lies on the diagonal"),
            figure(plots, "errors", "Distribution of the error: exact beside roofline"), class_="figures"),
        table("Gates on the cycle error", columns, rows) if rows else note("No gate in these results."),
        prints(*(suite_command(root["run"]) for root in site.runs)))


def shown_network(s, depth=0):
    r = s.first
    return link("../" * depth + network_url(r["network"]), r["network"] + (", whole" if is_whole(r) else ""))


def utilisation(site, plots):
    rows = [(shown_network(s), s.first["variant"], s.first["config"], data_of(s.first), s.first["suite"], whole(len(s.results)),
             whole(s.total("macs")), whole(s.total("rtl_cycles")), signed(s.total("predicted_cycles") - s.total("rtl_cycles")),
             signed_percent(s.error("roofline_cycles")), percent(s.utilisation), site.bar(s.parts()), unit_command(s.first)) for s in sums(site.results)]
    columns = [Column("network"), Column("variant", "c"), Column("config", "c"), Column("data", "c"), Column("suite", "c"), Column("layers", "n"),
               Column("MACs", "n"), Column("cycles", "n", "measured"), Column("error", "n", "cycles, predicted minus measured"),
               Column("roofline error %", "n"), Column("utilisation %", "n", "MACs / multipliers / cycles"), Column("cycle breakdown", "x"), Column("command", "x")]
    return section("networks", "Utilisation and cycle breakdown", note(
        "Sums over the layers on uniform data without random stalls, each distinct layer once; \u201cwhole\u201d: the layers of a network that ran from "
        "the picture to the result. Each network's page has the layers one by one."),
        figure(plots, "utilisation", "Utilisation of the multipliers against the size of the layer"), legend(site.colours),
        table("Networks on each configuration", columns, rows) if rows else note("No layer was measured on uniform data without stalls."))


def interval(row, name):
    return NONE if row[name + "_low"] is None else "%.2f to %.2f" % (row[name + "_low"], row[name + "_high"])


def accuracy(site, plots):
    if not site.accuracy:
        return section("accuracy", "Accuracy", note("No accuracy was measured: ", command("make accuracy"), " writes it."))
    points = fixed(2)
    rows = [(r["network"], r["variant"], r["config"], "%d %%" % r["sparsity"], r["measure"], whole(r["images"]), points(r["float"]), interval(r, "float"),
             points(r["int8"]), interval(r, "int8"), points(r["drop"]), whole(r["agree_top1"]), whole(r["model_images"]), whole(r["rtl_images"]),
             chip(r["verdict"])) for r in site.accuracy]
    columns = [Column("network", "c"), Column("variant", "c"), Column("config", "c"), Column("pruned", "c"), Column("measure", "c"),
               Column("pictures", "n"), Column("float %", "n"), Column("95 % interval", "n"), Column("int8 %", "n"), Column("95 % interval", "n"),
               Column("drop", "n", "percentage points"), Column("same class", "n", "pictures on which float and int8 name the same class"),
               Column("on model", "n", "pictures on which the variant's model gave the reference's bits in every tensor"),
               Column("on RTL", "n", "pictures on which the RTL gave the reference's bits in every tensor"), Column("verdict", "c")]
    return section("accuracy", "Accuracy", figure(plots, "accuracy", "Accuracy in float and in int8, with Wilson\u2019s 95 % intervals"),
                   table("Accuracy of each network on each variant", columns, rows), prints(command("make accuracy")))


def speed(site, plots):
    rows = []
    for (suite, variant, config), mine in group([r for r in site.results if r["rtl_seconds"]], lambda r: (r["suite"], *unit_of(r))).items():
        seconds = sum(r["rtl_seconds"] for r in mine)
        cycles = sum(r["rtl_cycles"] or 0 for r in mine)
        socs = [e["soc"] for r in mine for e in r["engines"].values() if e["soc"] and e["soc"].get("host_seconds")]
        host = sum(s["host_seconds"] for s in socs)
        rows.append((variant, config, suite, whole(len(mine)), whole(mine[0]["multipliers"]), whole(sum(r["macs"] for r in mine)), whole(cycles),
                     fixed(2)(seconds), giga(1e-9 * sum(r["macs"] for r in mine) / seconds), giga(1e-6 * cycles / seconds),
                     whole(1e-6 * sum(s["instructions"] for s in socs) / host) if host else NONE))
    columns = [Column("variant", "c"), Column("config", "c"), Column("suite", "c"), Column("runs", "n"), Column("multipliers", "n"), Column("MACs", "n"),
               Column("cycles", "n"), Column("seconds", "n", "CPU time of the simulated core"), Column("GMAC/s", "n"), Column("Mcycles/s", "n"),
               Column("ISS MIPS", "n", "instructions of the firmware per second, million")]
    return section("speed", "Simulation speed", figure(plots, "speed", "Simulation speed against the size of the layer"),
                   table("Speed of the simulated cores, one CPU core each", columns, rows) if rows else note("No simulation was timed."),
                   prints(*(suite_command(root["run"]) for root in site.runs)))


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")


def history(site, plots):
    if not site.history:
        return section("history", "History", note("There is no history of runs here: ", command("build/bittrue history --json"), " prints it."))
    rows = [(str(r["run"]), r["suite"], (r["commit"] or NONE) + (" +" if r["dirty"] else ""), moment(r["time"]), fixed(1)(r["seconds"]),
             whole(r["passed"]), whole(r["failed"]), whole(r["skipped"]), whole(r["xfailed"]), whole(r["rtl_cycles"]),
             signed(None if r["rtl_cycles"] is None or r["predicted_cycles"] is None else r["predicted_cycles"] - r["rtl_cycles"]),
             giga(1e-9 * r["macs"] / r["rtl_seconds"] if r["macs"] and r["rtl_seconds"] else None)) for r in reversed(site.history)]
    columns = [Column("run", "n"), Column("suite", "c"), Column("commit", "", "+: with changes that were not committed"), Column("time, UTC"),
               Column("seconds", "n"), Column("passed", "n"), Column("failed", "n"), Column("skipped", "n"), Column("known errors", "n"),
               Column("cycles", "n", "measured, of all results"), Column("error", "n", "cycles, predicted minus measured"), Column("GMAC/s", "n")]
    return section("history", "History", figure(plots, "history", "Simulation speed of each recorded run"),
                   table("Recorded runs, the last one first", columns, rows), prints(command("build/bittrue history")))


COVERAGE_HEADS = {"c_lines": "C lines", "rtl_lines": "RTL lines", "rtl_toggle": "RTL toggles", "rtl_user": "RTL cover points"}


def coverage(site):
    if not site.coverage:
        return section("coverage", "Coverage", note("No coverage was measured: ", command("make coverage"), " does it."))
    rows = []
    for room in site.coverage:
        cells = [room["room"]]
        for name in COVERED:
            share = room[name] or {"hit": 0, "total": 0}
            known = share["total"] > 0
            cells += [percent(share["hit"] / share["total"]) if known else NONE, "%s / %s" % (whole(share["hit"]), whole(share["total"])) if known else NONE]
        rows.append(cells)
    columns = [Column("room")] + [c for name in COVERED for c in (Column(COVERAGE_HEADS[name] + " %", "n"), Column("hit / all", "n"))]
    return section("coverage", "Coverage", table("Coverage of each room", columns, rows), prints(command("make coverage")))


def environment(site):
    def of(part, name, unit=""):
        return [NONE if (root["run"][part] or {}).get(name) is None else "%s%s" % (root["run"][part][name], unit) for root in site.runs]

    runs = [root["run"] for root in site.runs]
    commits = [(r["commit"] or NONE) + (", with changes" if r["dirty"] else "") for r in runs]
    rows = [("results", *(whole(len(root["results"])) for root in site.runs)), ("command", *(suite_command(r) for r in runs)),
            ("commit", *commits), ("seed", *(str(r["seed"]) for r in runs)), ("seconds", *(fixed(1)(r["seconds"]) for r in runs)),
            ("CPU", *of("environment", "cpu")), ("cores", *of("environment", "cores")), ("system", *of("environment", "os")),
            ("Verilator", *of("environment", "verilator")), ("compiler", *of("environment", "compiler")),
            ("simulated system", *of("system", "map")), ("its CPU", *of("system", "cpu_mips", " MIPS")),
            ("its clock", *of("system", "clock_mhz", " MHz")), ("accelerator in it", *of("system", "device")), ("waits by", *of("system", "wait"))]
    return section("environment", "Environment", small_table("Where the results are from", ("", *(r["suite"] for r in runs)), rows))


def contents():
    return tag("nav", tag("ul", *(tag("li", link("#" + ident, text)) for ident, text in (
        ("verdicts", "Verdicts"), ("cycles", "Cycle error"), ("networks", "Utilisation"), ("accuracy", "Accuracy"), ("speed", "Speed"),
        ("history", "History"), ("coverage", "Coverage"), ("environment", "Environment")))), class_="contents", aria_label="Sections")


def overview(site, plots):
    return page("bittrue", join((headline(site), contents(), failures(site), matrix(site), cycle_error(site, plots), utilisation(site, plots),
                                 accuracy(site, plots), speed(site, plots), history(site, plots), coverage(site), environment(site)), "\n"),
                current="overview")


# ---- results ----

def result_link(site, r, depth):
    return link("../" * depth + layer_url(r["network"], r["layer"]) + "#r%d" % site.place[id(r)], r["layer"])


def all_results(site):
    several = len(site.suites) > 1
    rows = []
    for r in site.results:
        rows.append((result_link(site, r, 0), r["network"], r["variant"], r["config"], *((r["suite"],) if several else ()), data_of(r), r["pattern"],
                     "%d" % r["stall_percent"], chip(r["verdict"]), whole(r["macs"]), whole(r["rtl_cycles"]), signed(r["error_cycles"]),
                     signed_percent(r["error_percent"]), signed_percent(roofline_percent(r)), percent(r["utilisation"])))
    columns = [Column("layer"), Column("network", "c"), Column("variant", "c"), Column("config", "c"), *((Column("suite", "c"),) if several else ()),
               Column("data", "c"), Column("pattern", "c"), Column("stalls %", "n", "random stalls of the memory"), Column("verdict", "c"), Column("MACs", "n"),
               Column("cycles", "n", "measured"), Column("error", "n", "cycles, predicted minus measured"), Column("error %", "n"),
               Column("roofline error %", "n"), Column("utilisation %", "n")]
    return page("All results \u00b7 bittrue", join((
        tag("h1", "All results"), note("The error under random stalls is not held against the gate. A layer's page has what reproduces each."),
        table("%s results" % whole(len(rows)), columns, rows))), current="results")


# ---- a network ----

def network(site, name, results, plots):
    layers = group(results, lambda r: r["layer"])
    rows = []
    for layer, of_layer in layers.items():
        for mine in group(of_layer, lambda r: (r["suite"], *unit_of(r), data_of(r))).values():
            shown = next((r for r in mine if counts(r)), mine[0])
            rows.append((link("../layers/%s/%s.html#r%d" % (slug(name), slug(layer), site.place[id(shown)]), layer), shown["variant"], shown["config"],
                         data_of(shown), shown["suite"], whole(len(mine)), chip(worst(r["verdict"] for r in mine)), whole(shown["macs"]),
                         whole(shown["rtl_cycles"]), whole(shown["predicted_cycles"]), signed(shown["error_cycles"]), signed_percent(roofline_percent(shown)),
                         percent(shown["utilisation"]), site.bar(parts(shown))))
    columns = [Column("layer"), Column("variant", "c"), Column("config", "c"), Column("data", "c"), Column("suite", "c"), Column("runs", "n", "patterns of data and stalls"),
               Column("verdict", "c", "of all runs"), Column("MACs", "n"), Column("cycles", "n", "measured"), Column("predicted", "n"), Column("error", "n", "cycles"),
               Column("roofline error %", "n"), Column("utilisation %", "n"), Column("cycle breakdown", "x")]
    count = tally(r["verdict"] for r in results)
    said = ", ".join("%s %s" % (whole(n), v) for v, n in count.items() if n)
    totals = [(s.first["variant"] + " " + s.first["config"] + (", whole" if is_whole(s.first) else ""), data_of(s.first), s.first["suite"], whole(len(s.results)),
               whole(s.total("macs")), whole(s.total("rtl_cycles")), signed(s.total("predicted_cycles") - s.total("rtl_cycles")),
               percent(s.utilisation), giga(None if s.macs_per_second is None else 1e-9 * s.macs_per_second), site.bar(s.parts()), unit_command(s.first))
              for s in sums(results)]
    head = [Column("variant"), Column("data", "c"), Column("suite", "c"), Column("layers", "n"), Column("MACs", "n"), Column("cycles", "n"), Column("error", "n", "cycles"),
            Column("utilisation %", "n"), Column("GMAC/s", "n", "simulated, one CPU core"), Column("cycle breakdown", "x"), Column("command", "x")]
    key = slug(name)
    return page("%s \u00b7 bittrue" % name, join((
        tag("h1", name), tag("p", chip(worst(r["verdict"] for r in results)), " %s results of %s layers: %s." % (whole(len(results)), whole(len(layers)), said), class_="lead"),
        legend(site.colours),
        table("The network on each configuration", head, totals) if totals else "",
        figure(plots, key + ".cycles", "Measured cycles of each layer, on each variant\u2019s largest configuration; the prediction has its column below"),
        figure(plots, key + ".utilisation", "Utilisation of each layer, on each variant\u2019s largest configuration"),
        table("Layer by layer", columns, rows), note("Cycles are those on uniform data without random stalls where a layer ran so."))), depth=1)


# ---- a layer ----

def engines_table(r):
    names = list(r["engines"])
    rows = [("verdict", *(chip(r["engines"][e]["verdict"]) for e in names)),
            ("seconds", *("%.3g" % r["engines"][e]["seconds"] if r["engines"][e]["ran"] else NONE for e in names)),
            ("hash of the ofmap", *(tag("code", r["engines"][e]["hash"]) if r["engines"][e]["hash"] else NONE for e in names))]
    if any(r["engines"][e]["soc"] for e in names):
        for key, label in (("instructions", "instructions"), ("soc_cycles", "system cycles"), ("cpu_cycles", "CPU cycles"), ("wait_cycles", "waiting"),
                           ("accel_cycles", "accelerator cycles")):
            rows.append((label, *(whole(r["engines"][e]["soc"][key]) if r["engines"][e]["soc"] else NONE for e in names)))
    return small_table("Engines", ("", *names), rows)


def terms_table(site, r):
    if not r["terms"]:
        return ""
    names = list(r["terms"])
    shares = parts(r)
    heads = [join((tag("span", class_="swatch p%d" % site.colours[n], aria_hidden="true") if n in shares else "", n)) for n in names]
    rows = [(kind, *(whole(r["terms"][n][kind]) for n in names)) for kind in ("predicted", "measured")]
    rows.append(("difference", *(signed(None if None in (r["terms"][n]["predicted"], r["terms"][n]["measured"])
                                        else r["terms"][n]["predicted"] - r["terms"][n]["measured"]) for n in names)))
    return join((site.bar(shares) if shares else "", small_table("Terms of the cycle count, and counters", ("", *heads), rows)))


def run_details(site, number, r):
    facts = [(label, value) for label, value in (
        ("reason", r["reason"]), ("mismatch", mismatch_text(r)), ("mapping", r["mapping"]), ("note", r["note"]), ("id", r["id"])) if value]
    q = r["quantisation"]
    if q:
        facts.append(("quantisation", "%.4g to %.4g, scale %.4g, zero point %d, clipped %.4g %%, SQNR %s dB" % (
            q["low"], q["high"], q["scale"], q["zero_point"], 100 * q["clipped"], fixed(1)(q["sqnr_db"]))))
    title = "%s %s" % unit_of(r)
    what = "%s, %s, %d %% stalls, suite %s" % (data_of(r), r["pattern"], r["stall_percent"], r["suite"])
    attributes = ' open' if r["verdict"] in ("FAIL", "XFAIL") else ""
    cycles = "%s cycles" % whole(r["rtl_cycles"]) if r["rtl_cycles"] is not None else "not simulated"
    return Html('<details id="r%d"%s><summary>%s <b>%s</b> <span>%s</span> <span>%s</span></summary>' % (
        number, attributes, chip(r["verdict"]), esc(title), esc(what), esc(cycles))) + join((
            tag("dl", *(tag("div", tag("dt", label), tag("dd", value)) for label, value in facts), class_="facts"),
            terms_table(site, r), engines_table(r), tag("p", "Reproduced by ", command(r["replay"])), Html("</details>")))


def layer(site, network_name, name, results):
    rows = []
    for i, r in enumerate(results):
        rows.append((link("#r%d" % i, "%s %s" % unit_of(r)), r["suite"], data_of(r), r["pattern"], "%d" % r["stall_percent"], chip(r["verdict"]), whole(r["rtl_cycles"]),
                     whole(r["predicted_cycles"]), signed(r["error_cycles"]), signed_percent(roofline_percent(r)), percent(r["utilisation"]), site.bar(parts(r))))
    columns = [Column("variant", "c"), Column("suite", "c"), Column("data", "c"), Column("pattern", "c"), Column("stalls %", "n"), Column("verdict", "c"), Column("cycles", "n", "measured"),
               Column("predicted", "n"), Column("error", "n", "cycles"), Column("roofline error %", "n"), Column("utilisation %", "n"), Column("cycle breakdown", "x")]
    macs = sorted({r["macs"] for r in results})
    return page("%s / %s \u00b7 bittrue" % (network_name, name), join((
        tag("p", link("../../networks/%s.html" % slug(network_name), network_name), class_="up"), tag("h1", name),
        tag("p", chip(worst(r["verdict"] for r in results)), " %s results, %s multiply-accumulates." % (
            whole(len(results)), whole(macs[0]) if len(macs) == 1 else "%s to %s" % (whole(macs[0]), whole(macs[-1]))), class_="lead"),
        legend(site.colours), table("%s on each configuration" % name, columns, rows),
        tag("h2", "Run by run", id="runs"), *(Html(run_details(site, i, r)) for i, r in enumerate(results)))), depth=2)
