"""The pages: overview, all results, one per network, one per layer."""
import datetime
import shlex
import urllib.parse

from site_html import (GLYPH, NONE, Column, Html, bar, chip, command, esc, fixed, framed, join, legend, link, note, number_of, page,
                       percent, section, signed, signed_percent, small_table, swatch, table, tag, whole)
from site_input import COVERED
from site_numbers import (SHAPES, counts, data_of, group, is_whole, layer_name, parts, roofline_percent, slug, sums, tally, unit_of,
                          worst)

NO_SUITE = "run"  # what `bittrue run` without --suite writes there
LISTED = 50  # failures, and skipped results, on the overview

# Columns that several tables have.
VARIANT, CONFIG, SUITE, PATTERN, VERDICT = (Column(head, "c") for head in ("variant", "config", "suite", "pattern", "verdict"))
DATA = Column("data", "c", "number format, and weights that were pruned")
STALLS = Column("stalls %", "n", "random stalls of the memory")
LAYERS = Column("layers", "n")
MACS = Column("MACs", "n", "multiply-accumulates")
CYCLES = Column("cycles", "n", "measured")
PREDICTED = Column("predicted", "n", "by the exact predictor, cycles")
ERROR = Column("error", "n", "cycles, predicted minus measured")
ROOFLINE = Column("roofline error %", "n", "in percent of the measured cycles")
UTILISATION = Column("utilisation %", "n", "MACs / multipliers / cycles")
BREAKDOWN = Column("cycle breakdown", "x")
SPEED = Column("GMAC/s", "n", "simulated, by one CPU core")
COMMAND = Column("command", "x")
SUM_COLUMNS = (LAYERS, MACS, CYCLES, ERROR)
CYCLE_COLUMNS = (CYCLES, PREDICTED, ERROR, ROOFLINE, UTILISATION, BREAKDOWN)

COVERAGE_HEADS = {"c_lines": "C lines", "rtl_lines": "RTL lines", "rtl_toggle": "RTL toggles", "rtl_user": "RTL cover points"}
SOC_LABELS = (("instructions", "instructions"), ("soc_cycles", "system cycles"), ("cpu_cycles", "CPU cycles"),
              ("wait_cycles", "waiting"), ("accel_cycles", "accelerator cycles"))

giga = fixed(3)


class Site:
    """What all pages need: the inputs, grouped, and what follows from all of them."""

    def __init__(self, runs, accuracy_rows, history_runs, rooms):
        self.runs = runs  # roots of results.json
        self.accuracy, self.history, self.coverage = accuracy_rows, history_runs, rooms
        self.ran = [r for root in runs for r in root["results"]]  # what sums of a suite are made of
        same = group(self.ran, lambda r: r["id"]).values()
        for results in same:
            results[0]["suites"] = ", ".join(r["suite"] for r in results)
        self.results = [results[0] for results in same]  # what several suites ran counts once
        self.networks = group(self.results, lambda r: r["network"])
        self.layers = group(self.results, lambda r: (r["network"], r["layer"]))
        self.variants = list(dict.fromkeys(r["variant"] for r in self.results))
        self.engines = list(dict.fromkeys(e for r in self.results for e in r["engines"]))
        self.colours = {name: 1 + i % 8 for i, name in enumerate(dict.fromkeys(name for r in self.results for name in parts(r)))}
        self.numbers = {id(r): i for results in self.layers.values() for i, r in enumerate(results)}  # on its layer's page
        self.numbers.update({id(r): self.numbers[id(results[0])] for results in same for r in results[1:]})

    def bar(self, shares):
        return bar(shares, self.colours)


def network_url(name):
    return "networks/%s.html" % slug(name)


def layer_url(network_name, name):
    return "layers/%s/%s.html" % (slug(network_name), slug(name))


def run_url(site, r, root=""):
    return "%s%s#r%d" % (root, layer_url(r["network"], r["layer"]), site.numbers[id(r)])


# ---- what reproduces a number ----

def suite_command(run):
    return command(run["command"] or "build/bittrue run --suite suites/%s.yaml" % run["suite"])


def unit_command(r):
    """Of a network on one configuration. What ran without a suite says itself how."""
    if r["suite"] == NO_SUITE:
        return suite_command(r["run"])
    options = (("--suite", "suites/%s.yaml" % r["suite"]), ("--network", r["network"]), ("--variant", r["variant"]),
               ("--config", r["config"]))
    return command("build/bittrue run " + " ".join("%s %s" % (name, shlex.quote(value)) for name, value in options))


def printed_by(*commands):
    return tag("p", "Printed by ", join(commands, " and "), class_="prints")


def printed_by_runs(site):
    return printed_by(*(suite_command(root["run"]) for root in site.runs))


# ---- cells ----

def text_cell(text):
    """A sentence, which may take several lines."""
    return tag("div", text, class_="text") if text else ""


def sum_cells(s):
    """Of SUM_COLUMNS."""
    cycles = s.total("rtl_cycles")
    return (whole(len(s.results)), whole(s.total("macs")), whole(cycles), signed(s.total("predicted_cycles") - cycles))


def cycle_cells(site, r):
    """Of CYCLE_COLUMNS."""
    return (whole(r["rtl_cycles"]), whole(r["predicted_cycles"]), signed(r["error_cycles"]), signed_percent(roofline_percent(r)),
            percent(r["utilisation"]), site.bar(parts(r)))


# ---- overview ----

def tile(value, label, kind="", url=None):
    return tag("div", tag("dt", label), tag("dd", link(url, value) if url else value), class_=("tile " + kind).strip())


def scope_of(site):
    """What ran, in words: shapes of the suites are no networks, and a layer is one however it ran."""
    named = [r for r in site.results if r["network"] != SHAPES]
    layers = {(r["network"], layer_name(r)) for r in named if r["layer"] != "chained/accuracy"}
    shapes = {layer_name(r) for r in site.results if r["network"] == SHAPES}
    on = []
    if named:
        on.append("%s (%s of their layers)" % (number_of(len({r["network"] for r in named}), "network"), whole(len(layers))))
    if shapes:
        on.append(number_of(len(shapes), "shape") + " of the suites\u2019 own")
    return " %s on %s; engines %s." % (number_of(len(site.variants), "variant"), " and ".join(on), ", ".join(site.engines))


def headline(site):
    verdicts = tally(r["verdict"] for r in site.results)
    gates = [g for root in site.runs for g in root["gates"]]
    bad = verdicts["FAIL"] + sum(g["verdict"] == "FAIL" for g in gates)
    gated = [r for r in site.results if r["gated"] and r["error_cycles"] is not None]
    off = max((abs(r["error_cycles"]) for r in gated), default=None)
    timed = [r for r in site.results if r["rtl_seconds"]]
    seconds = sum(r["rtl_seconds"] for r in timed)
    said = "Every output is bit-exact, every gate holds."
    if bad:
        said = "%s failed." % number_of(bad, "verdict")
    elif not verdicts["PASS"]:
        said = "Nothing passed: nothing was compared."
    elif verdicts["XFAIL"]:
        said = "Every output is bit-exact; cycles differ only where it is known."
    mark = "FAIL" if bad else "PASS" if verdicts["PASS"] else "SKIP"
    tiles = (tile(whole(verdicts["PASS"]), "results pass", "PASS"),
             tile(whole(verdicts["FAIL"]), "fail", *(("FAIL", "#failures") if verdicts["FAIL"] else ())),
             tile(whole(verdicts["XFAIL"]), "known cycle errors", "", "results.html#verdict=XFAIL" if verdicts["XFAIL"] else None),
             tile(whole(verdicts["SKIP"]), "skipped", "", "#skipped" if verdicts["SKIP"] else None),
             tile(whole(off), "cycles, largest error of %s predictions" % whole(len(gated))),
             tile(fixed(2)(1e-9 * sum(r["macs"] for r in timed) / seconds if seconds else None), "GMAC/s simulated on one core"))
    return tag("section", tag("h1", "CNN accelerators, bit by bit and cycle by cycle"),
               tag("p", tag("strong", GLYPH[mark] + " " + said, class_="said " + mark), scope_of(site), class_="lead"),
               tag("dl", *tiles, class_="tiles"), class_="hero")


def listed(site, verdict, ident, title, caption, what):
    """The results of a verdict, with a reason each."""
    found = [r for r in site.results if r["verdict"] == verdict]
    if not found:
        return ""
    rows = [(link(run_url(site, r), r["network"] + " / " + r["layer"]), r["variant"], r["config"], r["pattern"],
             text_cell(mismatch_text(r) or r["reason"] or what), command(r["replay"])) for r in found[:LISTED]]
    more = note("The first %d of %s; " % (LISTED, whole(len(found))), link("results.html#verdict=" + verdict, "all of them"), ".")
    return section(ident, title, more if len(found) > LISTED else "",
                   table(caption, [Column("layer"), VARIANT, CONFIG, PATTERN, Column("reason"), Column("replay", "x")], rows))


def failures(site):
    return listed(site, "FAIL", "failures", "Failures", "What failed", "cycles outside the gate")


def skipped(site):
    return listed(site, "SKIP", "skipped", "Skipped", "What did not run", "no reason given")


def mismatch_text(r):
    m = r["mismatch"]
    if m is None:
        return ""
    return "%s: %s of %s elements differ, first n %d y %d x %d c %d: expected %d, got %d%s" % (
        m["engine"], whole(m["differing"]), whole(m["total"]), m["n"], m["y"], m["x"], m["c"], m["expected"], m["got"],
        " in " + m["where"] if m["where"] else "")


def query(text):
    """A value in a fragment of our own, which site.js reads."""
    return urllib.parse.quote(text, safe="", errors="replace")


def matrix_cell(network_name, variant, engine, results):
    count = tally(r["engines"][engine]["verdict"] for r in results if engine in r["engines"])
    if not any(count.values()):
        return Html('<td class="none">%s</td>' % NONE)
    verdict = worst(v for v, n in count.items() if n)
    ran = sum(count.values()) - count["SKIP"]
    text = whole(count[verdict]) + ("/" + whole(ran) if verdict in ("FAIL", "XFAIL") else "")
    about = "%s, %s, %s: %s" % (network_name, variant, engine, ", ".join("%s %s" % (whole(n), v) for v, n in count.items() if n))
    url = "results.html#network=%s&variant=%s" % (query(network_name), query(variant))
    return Html('<td class="%s"><a href="%s" title="%s"><span aria-hidden="true">%s</span> %s<span class="vh"> %s</span></a></td>' % (
        verdict, esc(url), esc(about), GLYPH[verdict], text, verdict))


def matrix(site):
    groups = join(tag("th", v, colspan=len(site.engines), scope="colgroup") for v in site.variants)
    heads = join(tag("th", e, scope="col", class_="first" if i == 0 else None)
                 for _ in site.variants for i, e in enumerate(site.engines))
    rows = []
    for name, results in site.networks.items():
        by = group(results, lambda r: r["variant"])
        cells = join(matrix_cell(name, v, e, by.get(v, ())) for v in site.variants for e in site.engines)
        rows.append(Html("<tr><th scope=row>%s</th>%s</tr>" % (link(network_url(name), name), cells)))
    return section("verdicts", "Verdicts", note(
        tag("b", GLYPH["PASS"] + " n"), ": the engine ran n results, and all have the reference\u2019s bits. ",
        tag("b", GLYPH["FAIL"] + " n/ran"), ": n of those that ran have not. ",
        tag("b", GLYPH["SKIP"] + " n"), ": none ran, n were skipped. ", tag("b", NONE), ": there are none. In the columns ",
        tag("b", "cycles"), " the question is whether the predicted cycles are within the gate, and ",
        tag("b", GLYPH["XFAIL"] + " n/ran"), " counts errors that are known."),
        framed("Results by network, variant and engine", "matrix",
               Html('<td></td>%s</tr><tr><th scope="col">network</th>%s' % (groups, heads)), join(rows, "\n")),
        printed_by_runs(site))


def figure(plots, name, text):
    if name not in plots:
        return ""
    return tag("figure", tag("div", plots[name], class_="scroll", tabindex="0", role="group", aria_label=text),
               tag("figcaption", text))


def cycle_error(site, plots):
    gated = [r for r in site.results if r["gated"] and r["rtl_cycles"] and r["predicted_cycles"] is not None]
    exact = gated and all(r["predicted_cycles"] == r["rtl_cycles"] for r in gated)
    diagonal = "the exact predictor lies on the diagonal" if exact else "a prediction on the diagonal is without error"
    rows = [(g["variant"], g["config"], root["run"]["suite"], whole(g["layers"]), whole(g["layers_at_zero"]),
             fixed(4)(g["max_percent"]), fixed(4)(g["mean_percent"]),
             "%s / %s" % (fixed(4)(g["limit_max_percent"]), fixed(4)(g["limit_mean_percent"])),
             fixed(2)(g["roofline_max_percent"]), fixed(2)(g["roofline_mean_percent"]), chip(g["verdict"]), text_cell(g["reason"]))
            for root in site.runs for g in root["gates"]]
    columns = [VARIANT, CONFIG, SUITE, LAYERS, Column("at 0", "n", "predictions without any error"), Column("max %", "n"),
               Column("mean %", "n"), Column("allowed max / mean %", "n"), Column("roofline max %", "n"),
               Column("roofline mean %", "n"), Column("gate", "c"), Column("reason")]
    return section("cycles", "Cycle error", note(
        "Predicted minus measured, in percent of measured. Measured from the clock edge that accepts the start to the edge at which "
        "done rises, counted outside the RTL. The exact predictor is a closed form over tiles; the roofline is the literature's, as "
        "printed."),
        tag("div", figure(plots, "cycles", "Predicted against measured cycles: " + diagonal),
            figure(plots, "errors", "Distribution of the error: exact beside roofline"), class_="figures"),
        table("Gates on the cycle error", columns, rows) if rows else note("No gate in these results."), printed_by_runs(site))


def pruned_note(results):
    """Why a utilisation can be above 100 %."""
    return " Pruned multiply-accumulates count as done, so a core that skips them can be above 100 %." if any(
        r["sparsity"] for r in results) else ""


def utilisation(site, plots):
    rows = []
    for s in sums(site.ran):
        r = s.first
        rows.append((link(network_url(r["network"]), r["network"] + (", whole" if is_whole(r) else "")), r["variant"], r["config"],
                     data_of(r), *sum_cells(s), signed_percent(s.error("roofline_cycles")), percent(s.utilisation),
                     site.bar(s.parts()), r["suite"], unit_command(r)))
    columns = [Column("network"), VARIANT, CONFIG, DATA, *SUM_COLUMNS, ROOFLINE, UTILISATION, BREAKDOWN, SUITE, COMMAND]
    return section("networks", "Utilisation and cycle breakdown", note(
        "Sums over the layers on uniform data without random stalls, each distinct layer once; \u201cwhole\u201d: the layers of a "
        "network that ran from the picture to the result. Each network's page has the layers one by one."),
        figure(plots, "utilisation", "Utilisation of the multipliers against the size of the layer." + pruned_note(site.results)),
        legend(site.colours),
        table("Networks on each configuration", columns, rows) if rows else note(
            "No layer was measured on uniform data without stalls."))


def interval(row, name):
    return NONE if row[name + "_low"] is None else "%.2f to %.2f" % (row[name + "_low"], row[name + "_high"])


def accuracy(site, plots):
    if not site.accuracy:
        return section("accuracy", "Accuracy", note("No accuracy was measured: ", command("make accuracy"), " writes it."))
    points = fixed(2)
    rows = [(r["network"], r["variant"], r["config"], "%d %%" % r["sparsity"], r["measure"], whole(r["images"]), points(r["float"]),
             interval(r, "float"), points(r["int8"]), interval(r, "int8"), points(r["drop"]), points(r["max_drop_points"]),
             whole(r["agree_top1"]), whole(r["model_images"]), whole(r["rtl_images"]), chip(r["verdict"])) for r in site.accuracy]
    columns = [Column("network", "c"), VARIANT, CONFIG, Column("pruned", "c"), Column("measure", "c"), Column("pictures", "n"),
               Column("float %", "n"), Column("95 % interval", "n"), Column("int8 %", "n"), Column("95 % interval", "n"),
               Column("drop", "n", "percentage points"), Column("allowed", "n", "largest drop that passes, percentage points"),
               Column("same class", "n", "pictures on which float and int8 name the same class"),
               Column("on model", "n", "pictures on which the variant's model gave the reference's bits in every tensor"),
               Column("on RTL", "n", "pictures on which the RTL gave the reference's bits in every tensor"), VERDICT]
    free = sum(r["max_drop_points"] is None for r in site.accuracy)
    said = note("%s of the %s rows name no limit of the drop (\u201callowed\u201d is " % (whole(free), whole(len(rows))), NONE,
                "): PASS there says that model, RTL and reference have the same bits, and nothing about the drop.")
    return section("accuracy", "Accuracy", said if free else "",
                   figure(plots, "accuracy", "Accuracy in float and in int8, with Wilson\u2019s 95 % intervals"),
                   table("Accuracy of each network on each variant", columns, rows), printed_by(command("make accuracy")))


def speed(site, plots):
    rows = []
    timed = [r for r in site.ran if r["rtl_seconds"]]
    for (suite, variant, config), mine in group(timed, lambda r: (r["suite"], *unit_of(r))).items():
        seconds = sum(r["rtl_seconds"] for r in mine)
        macs = sum(r["macs"] for r in mine)
        cycles = sum(r["rtl_cycles"] or 0 for r in mine)
        socs = [e["soc"] for r in mine for e in r["engines"].values() if e["soc"] and e["soc"]["host_seconds"]]
        host = sum(s["host_seconds"] for s in socs)
        rows.append((variant, config, suite, whole(len(mine)), whole(mine[0]["multipliers"]), whole(macs), whole(cycles),
                     fixed(2)(seconds), giga(1e-9 * macs / seconds), giga(1e-6 * cycles / seconds),
                     whole(1e-6 * sum(s["instructions"] for s in socs) / host if host else None)))
    columns = [VARIANT, CONFIG, SUITE, Column("runs", "n"), Column("multipliers", "n"), MACS, CYCLES,
               Column("seconds", "n", "CPU time of the simulated core"), SPEED, Column("Mcycles/s", "n"),
               Column("ISS MIPS", "n", "instructions of the firmware per second, million")]
    return section("speed", "Simulation speed", figure(plots, "speed", "Simulation speed against the size of the layer"),
                   table("Speed of the simulated cores, one CPU core each", columns, rows) if rows else note(
                       "No simulation was timed."), printed_by_runs(site))


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")


def revision(run):
    """As `bittrue history` writes it: with a mark where there were changes."""
    return (run["commit"] or NONE)[:9] + ("+" if run["dirty"] else "")


def history(site, plots):
    if not site.history:
        return section("history", "History", note("There is no history of runs here: ", command("build/bittrue history --json"),
                                                  " prints it."))
    rows = []
    for r in reversed(site.history):
        rows.append((str(r["run"]), r["suite"], revision(r), moment(r["time"]),
                     fixed(1)(r["seconds"]), whole(r["passed"]), whole(r["failed"]), whole(r["skipped"]), whole(r["xfailed"]),
                     whole(r["rtl_cycles"]),
                     giga(1e-9 * r["macs"] / r["rtl_seconds"] if r["macs"] and r["rtl_seconds"] else None)))
    columns = [Column("run", "n"), SUITE, Column("commit", "", "+: with changes that were not committed"), Column("time, UTC"),
               Column("seconds", "n"), Column("passed", "n"), Column("failed", "n"), Column("skipped", "n"),
               Column("known errors", "n"), CYCLES, SPEED]
    return section("history", "History", figure(plots, "history", "Simulation speed of each recorded run"),
                   table("Recorded runs, the last one first", columns, rows), printed_by(command("build/bittrue history")))


def coverage(site):
    if not site.coverage:
        return section("coverage", "Coverage", note("No coverage was measured: ", command("make coverage"), " does it."))
    rows = []
    for room in site.coverage:
        cells = [room["room"]]
        for name in COVERED:
            share = room[name]
            known = share is not None and share["total"] > 0
            cells += [percent(share["hit"] / share["total"]), "%s / %s" % (whole(share["hit"]), whole(share["total"]))] if known \
                else [NONE, NONE]
        rows.append(cells)
    columns = [Column("room")]
    for name in COVERED:
        columns += [Column(COVERAGE_HEADS[name] + " %", "n"), Column("hit / all", "n")]
    return section("coverage", "Coverage", table("Coverage of each room", columns, rows), printed_by(command("make coverage")))


def environment(site):
    runs = [root["run"] for root in site.runs]

    def of(part, name, unit=""):
        found = [(run[part] or {}).get(name) for run in runs]
        return [NONE if value is None else "%s%s" % (value, unit) for value in found]

    rows = [("results", *(whole(len(root["results"])) for root in site.runs)),
            ("command", *map(suite_command, runs)),
            ("commit", *map(revision, runs)),
            ("time, UTC", *(NONE if r["time"] is None else moment(r["time"]) for r in runs)),
            ("seed", *(str(r["seed"]) for r in runs)), ("seconds", *(fixed(1)(r["seconds"]) for r in runs)),
            ("CPU", *of("environment", "cpu")), ("cores", *of("environment", "cores")), ("system", *of("environment", "os")),
            ("Verilator", *of("environment", "verilator")), ("compiler", *of("environment", "compiler")),
            ("simulated system", *of("system", "map")), ("its CPU", *of("system", "cpu_mips", " MIPS")),
            ("its clock", *of("system", "clock_mhz", " MHz")), ("accelerator in it", *of("system", "device")),
            ("waits by", *of("system", "wait"))]
    return section("environment", "Environment", small_table("Where the results are from", ("", *(r["suite"] for r in runs)), rows))


def contents():
    places = (("verdicts", "Verdicts"), ("cycles", "Cycle error"), ("networks", "Utilisation"), ("accuracy", "Accuracy"),
              ("speed", "Speed"), ("history", "History"), ("coverage", "Coverage"), ("environment", "Environment"))
    return tag("nav", tag("ul", *(tag("li", link("#" + ident, text)) for ident, text in places)), class_="contents",
               aria_label="Sections")


def overview(site, plots):
    return page("bittrue", join((headline(site), contents(), failures(site), matrix(site), skipped(site), cycle_error(site, plots),
                                 utilisation(site, plots), accuracy(site, plots), speed(site, plots), history(site, plots),
                                 coverage(site), environment(site)), "\n"), current="overview")


# ---- all results ----

def all_results(site):
    rows = []
    for r in site.results:
        rows.append((link(run_url(site, r), r["layer"]), r["network"], r["variant"], r["config"], data_of(r), r["pattern"],
                     whole(r["stall_percent"]), chip(r["verdict"]), text_cell(r["reason"]), whole(r["macs"]), whole(r["rtl_cycles"]),
                     signed(r["error_cycles"]), signed_percent(r["error_percent"]), signed_percent(roofline_percent(r)),
                     percent(r["utilisation"]), r["suites"]))
    columns = [Column("layer"), Column("network", "c"), VARIANT, CONFIG, DATA, PATTERN, STALLS, VERDICT,
               Column("reason"), MACS, CYCLES, ERROR, Column("error %", "n"), ROOFLINE, UTILISATION, SUITE]
    return page("All results \u00b7 bittrue", join((
        tag("h1", "All results"),
        note("The error under random stalls is not held against the gate. What several suites ran counts once. A layer\u2019s page has "
             "what reproduces each."),
        table(number_of(len(rows), "result"), columns, rows))), current="results")


# ---- a network ----

def network_totals(site, results):
    rows = []
    for s in sums(results):
        r = s.first
        rows.append(("%s %s%s" % (*unit_of(r), ", whole" if is_whole(r) else ""), data_of(r), *sum_cells(s), percent(s.utilisation),
                     giga(s.giga_per_second), site.bar(s.parts()), r["suite"], unit_command(r)))
    columns = [Column("variant"), DATA, *SUM_COLUMNS, UTILISATION, SPEED, BREAKDOWN, SUITE, COMMAND]
    return table("The network on each configuration", columns, rows) if rows else ""


def network_layers(site, results):
    rows = []
    for mine in group(results, lambda r: (r["layer"], r["suite"], *unit_of(r), data_of(r))).values():
        r = next((r for r in mine if counts(r)), mine[0])
        rows.append((link(run_url(site, r, "../"), r["layer"]), r["variant"], r["config"], data_of(r),
                     chip(worst(one["verdict"] for one in mine)), whole(r["macs"]), *cycle_cells(site, r), whole(len(mine)),
                     r["suite"]))
    columns = [Column("layer"), VARIANT, CONFIG, DATA, VERDICT, MACS, *CYCLE_COLUMNS,
               Column("runs", "n", "patterns of data and stalls"), SUITE]
    return table("Layer by layer", columns, rows)


def network(site, name, plots):
    results = site.networks[name]
    ran = [r for r in site.ran if r["network"] == name]
    said = ", ".join("%s %s" % (whole(n), v) for v, n in tally(r["verdict"] for r in results).items() if n)
    layers = len({layer_name(r) for r in results if r["layer"] != "chained/accuracy"})
    noun = "shape" if name == SHAPES else "layer"
    largest = "on each variant\u2019s configuration with the most multipliers; a line breaks at a layer that was not measured."
    figures = []
    for start, where, mine in (("", "by itself", [r for r in results if not is_whole(r)]),
                               ("whole-", "in the whole network", [r for r in results if is_whole(r)])):
        for kind, label, more in (("cycles", "Measured cycles", ""), ("utilisation", "Utilisation", pruned_note(mine))):
            figures.append(figure(plots, "%s.%s%s" % (slug(name), start, kind),
                                  "%s of each layer %s, %s%s" % (label, where, largest, more)))
    return page("%s \u00b7 bittrue" % name, join((
        tag("h1", name), tag("p", chip(worst(r["verdict"] for r in results)), " %s of %s: %s." % (
            number_of(len(results), "result"), number_of(layers, noun), said), class_="lead"),
        legend(site.colours), network_totals(site, ran), *figures, network_layers(site, ran),
        note("Verdicts are those of all runs of a layer, cycles those on uniform data without random stalls where it ran so."))),
        depth=1)


# ---- a layer ----

def engines_table(r):
    engines = r["engines"]
    rows = [("verdict", *(chip(e["verdict"]) for e in engines.values())),
            ("seconds", *("%.3g" % e["seconds"] if e["ran"] else NONE for e in engines.values())),
            ("hash of the ofmap", *(tag("code", e["hash"]) if e["hash"] else NONE for e in engines.values()))]
    if any(e["soc"] for e in engines.values()):
        rows += [(label, *(whole(e["soc"][key]) if e["soc"] else NONE for e in engines.values())) for key, label in SOC_LABELS]
    return small_table("Engines", ("", *engines), rows)


def terms_table(site, r):
    if not r["terms"]:
        return ""
    shares = parts(r)
    heads = [join((swatch(site.colours[name]) if name in shares else "", name)) for name in r["terms"]]
    rows = [(kind, *(whole(term[kind]) for term in r["terms"].values())) for kind in ("predicted", "measured")]
    rows.append(("difference", *(signed(None if None in (t["predicted"], t["measured"]) else t["predicted"] - t["measured"])
                                 for t in r["terms"].values())))
    return join((site.bar(shares) if shares else "",
                 small_table("Terms of the cycle count, and counters", ("", *heads), rows, "small numbers")))


def run_details(site, number, r):
    facts = [("reason", r["reason"]), ("mismatch", mismatch_text(r)), ("mapping", r["mapping"]), ("note", r["note"])]
    q = r["quantisation"]
    if q:
        facts.append(("quantisation", "%.4g to %.4g, scale %.4g, zero point %d, clipped %.4g %%, SQNR %s dB" % (
            q["low"], q["high"], q["scale"], q["zero_point"], 100 * q["clipped"], fixed(1)(q["sqnr_db"]))))
    facts.append(("id", r["id"]))
    what = "%s, %s, %d %% stalls, suite %s" % (data_of(r), r["pattern"], r["stall_percent"], r["suites"])
    cycles = "%s cycles" % whole(r["rtl_cycles"]) if r["rtl_cycles"] is not None else "not simulated"
    summary = tag("summary", chip(r["verdict"]), tag("b", "%s %s" % unit_of(r)), tag("span", what), tag("span", cycles))
    return tag("details", summary,
               tag("dl", *(tag("div", tag("dt", label), tag("dd", value)) for label, value in facts if value), class_="facts"),
               terms_table(site, r), engines_table(r), tag("p", "Reproduced by ", command(r["replay"])),
               id="r%d" % number, open="" if r["verdict"] in ("FAIL", "XFAIL") else None)


def layer(site, network_name, name):
    results = site.layers[network_name, name]
    rows = [(link("#r%d" % i, "%s %s" % unit_of(r)), data_of(r), r["pattern"], whole(r["stall_percent"]), chip(r["verdict"]),
             *cycle_cells(site, r), r["suites"]) for i, r in enumerate(results)]
    macs = sorted({r["macs"] for r in results})
    said = whole(macs[0]) if len(macs) == 1 else "%s to %s" % (whole(macs[0]), whole(macs[-1]))
    return page("%s / %s \u00b7 bittrue" % (network_name, name), join((
        tag("p", link("../../" + network_url(network_name), network_name), class_="up"), tag("h1", name),
        tag("p", chip(worst(r["verdict"] for r in results)), " %s, %s multiply-accumulates." % (number_of(len(results), "result"), said),
            class_="lead"),
        legend(site.colours),
        table("%s on each configuration" % name, [VARIANT, DATA, PATTERN, STALLS, VERDICT, *CYCLE_COLUMNS, SUITE], rows),
        tag("h2", "Run by run", id="runs"), *(run_details(site, i, r) for i, r in enumerate(results)))), depth=2)
