#!/usr/bin/env python3
"""The study of the weight-skipping front end (make study-tactical): bit_tactical beside the dense tiles of dadiannao on pruned
networks. Writes reports/study-tactical.md and its plots.

Source: 003, sections III and IV, figures 8 to 13, table 4."""
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # no cache beside the sources
from plot import STYLE, block, gnuplot  # noqa: E402
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ci"))
import synthesis  # noqa: E402
from study_ch4 import number, table  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
OUT = os.path.join(BUILD, "study-tactical")
PAGE = "reports/study-tactical"
SUITES = "suites/studies"
SUITE = SUITES + "/tactical.yaml"
PROGRAM = os.path.join(BUILD, "bittrue")

NAMES = {"alexnet": "AlexNet", "googlenet": "GoogLeNet", "resnet50": "ResNet-50", "mobilenet_v1": "MobileNet v1",
         "squeezenet1_1": "SqueezeNet 1.1"}
NETWORKS = tuple(NAMES)
LEVELS = (60, 75, 90)  # percent of the weights
USUAL = 75
SWEEP = tuple(range(0, 100, 5))
SWEPT = ("googlenet", "resnet50")
OTHER_SWEEP = (20, 40, 60, 80, 95)  # of the second, to see that the first is no exception
# fc6 and fc7 of AlexNet take most of the time to predict and are few of its multiplier cycles: left out where stalls are.
LAYERS = {"alexnet": "conv*,fc8"}
SHAPES = {"T_1_6": "ahead_1", "T_2_5": "ahead_2", "T_3_4": "ahead_3", "L_2_5": "ahead_2", "T_4_6": "ahead_4"}
SWEPT_CONFIGS = ("T_1_6", "T_2_5", "T_3_4", "L_2_5")
OTHER_KINDS = tuple((c, "_always") for c in SWEPT_CONFIGS) + (("T_2_5", "_greedy_always"),)
STRUCTURES = ("random", "channel", "filter")
SHARED = (60, 80, 90)  # percent, for FILTERS
SHAPED = (60, 70, 80, 90, 95)  # percent, for OTHER_SHAPES
OTHER_SHAPES = ("T_1_6_near_always", "T_3_4_row_1_always", "T_2_5_greedy_other_always")
FILTERS = (16, 4, 1)  # of a tile, which share a window


def name_of(config):
    return re.sub(r"^([TL])_(\d)_(\d).*", r"\1<\2,\3>", config)


# ---- predictions ----

def environment(suites=SUITES):
    return {**os.environ, "BITTRUE_SUITES": suites}


class Predictions:
    """By variant, configuration, network, sparsity, structure, number format: a dict of terms for each layer. They take most of
    the study's time, so those of the same program and the same configurations are kept in the build folder."""

    def __init__(self):
        digest = hashlib.sha256()
        for path in (PROGRAM, *(SUITES + "/variants/%s.yaml" % v for v in ("dadiannao", "bit_tactical"))):
            with open(path, "rb") as file:
                digest.update(file.read())
        self.path = os.path.join(OUT, "predictions-%s.json" % digest.hexdigest()[:16])
        self.kept = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.kept = json.load(file)

    def run(self, variant, configs, network, sparsity, structure, dtype):
        line = [PROGRAM, "predict", "--variant", variant, "--config", ",".join(configs), "--network", network.rstrip("+"),
                "--layer", LAYERS.get(network, "*"), "--dtype", dtype, "--sparsity", str(sparsity),
                *(("--structure", structure) if sparsity else ())]
        log = subprocess.run(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if log.returncode != 0:
            sys.exit("study-tactical: %s\n%s" % (" ".join(line), log.stdout))
        config, names = None, []
        for text in log.stdout.splitlines():
            words = text.split()
            if text.startswith(variant + " "):
                config = words[1]
                layers = self.kept[self.key(variant, config, network, sparsity, structure, dtype)] = {}
            elif text.startswith("layer "):
                names = [re.sub("[^a-z_]", "", w.lower()) for w in text.replace(" %", "%").removesuffix("mapping").split()[1:]]
            elif re.search(" (SKIP|FAIL) ", text):
                sys.exit("study-tactical: no prediction on %s: %s" % (config, text))
            elif len(words) > len(names) > 0 and words[0] != "total":
                layers[words[0]] = {n: float(w) for n, w in zip(names, words[1:])}
                layers[words[0]]["stream"] = words[-2]
                layers[words[0]]["bands"] = int(re.search(r"(\d+) bands? of", text).group(1))
        os.makedirs(OUT, exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.kept, file)
        os.replace(self.path + ".new", self.path)

    @staticmethod
    def key(*parts):
        return ":".join(map(str, parts))

    def want(self, variant, configs, network, sparsity, structure="random", dtype="int16"):
        """A network's name with a + behind it: with the layers that LAYERS leaves out."""
        missing = [c for c in configs if self.key(variant, c, network, sparsity, structure, dtype) not in self.kept]
        if missing:
            self.run(variant, missing, network, sparsity, structure, dtype)

    def get(self, config, network, sparsity=USUAL, structure="random", dtype="int16"):
        variant = "dadiannao" if config.startswith(("table3", "filters_")) else "bit_tactical"
        self.want(variant, [config], network, sparsity, structure, dtype)
        return self.kept[self.key(variant, config, network, sparsity, structure, dtype)]


def collect(p):
    """Everything that the page uses, with one call of the program for all configurations of the same weights."""
    always = [c + "_always" for c in (*SHAPES, *sorted(set(SHAPES.values())))]
    for network in NETWORKS:
        p.want("dadiannao", ["table3"], network, 0)  # what its weights are is nothing to it
        p.want("dadiannao", ["table3"], network + "+", 0)
        for sparsity in (0, *LEVELS):
            p.want("bit_tactical", ["T_2_5_always", "T_2_5_greedy_always"] + (always if sparsity in LEVELS[1:] else []),
                network,
                   sparsity)
            p.want("bit_tactical", ["T_2_5", "T_2_5_always"], network + "+", sparsity)
            p.want("dadiannao", ["table3_packed"], network + "+", sparsity)
        for structure in STRUCTURES:
            p.want("bit_tactical", ["T_2_5_always", "T_2_5_greedy_always", "T_2_5_in_order_always"], network, USUAL, structure)
            p.want("bit_tactical", ["T_2_5"], network + "+", USUAL, structure)
    for sparsity in SWEEP:
        p.want("bit_tactical", [c + s for c in SWEPT_CONFIGS for s in ("_always", "_greedy_always")], SWEPT[0], sparsity)
    for sparsity in OTHER_SWEEP:
        p.want("bit_tactical", [c + s for c, s in OTHER_KINDS], SWEPT[1], sparsity)
    for sparsity in SHAPED:
        p.want("bit_tactical", OTHER_SHAPES, SWEPT[0], sparsity)
    for sparsity in SHARED:
        for filters in FILTERS[1:]:
            p.want("bit_tactical", ["%s_filters_%d%s" % (c, filters, k) for c, k in (
                ("T_1_6", "_always"), ("T_2_5", "_always"), ("T_3_4", "_always"), ("T_2_5", "_greedy_always"))], SWEPT[0],
                    sparsity)
            p.want("dadiannao", ["filters_%d" % filters], SWEPT[0], 0)


# ---- sums ----

def total(layers, *terms):
    return sum(layer[t] for layer in layers.values() for t in terms)


def busy(layers):
    """Cycles without off-chip stalls: the passes and what lies between two of them."""
    return total(layers, "compute", "turn")


class Work:
    """What the multipliers did in one network, as shares of what the dense machine issues."""

    def __init__(self, layers, dense):
        slots = total(dense, "macs_issued")
        effectual, ahead, aside = (total(layers, t) for t in ("macs_effectual", "macs_ahead", "macs_aside"))
        self.ineffectual = (total(layers, "macs_issued") - effectual) / slots
        self.ahead, self.aside = ahead / slots, aside / slots
        self.unpromoted = (effectual - ahead - aside) / slots
        self.zeros = 1.0 - effectual / slots
        self.removed = 1.0 - self.ineffectual / self.zeros if self.zeros else 0.0
        self.faster = busy(dense) / busy(layers)


def work(p, config, network, sparsity=USUAL, structure="random"):
    filters = re.search(r"filters_\d+", config)
    return Work(p.get(config, network, sparsity, structure), p.get(filters.group() if filters else "table3", network, 0))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def geomean(values):
    return math.exp(mean(math.log(v) for v in values))


def by(factor):
    return "%.2f" % factor


def gain(new, old):
    return "%+.1f %%" % (100.0 * (new / old - 1.0))


def share(part):
    return "%.1f %%" % (100.0 * part)



# ---- area ----

LANES = 16
# Inputs beside the lane's own: (rows ahead, lanes aside), as suites/studies/variants/bit_tactical.yaml has them.
CONNECT = {
    "T_1_6": ((1, 0), (1, -1), (1, 1), (1, -3), (1, 3), (1, -5), (1, 5)),
    "T_2_5": ((1, 0), (2, 0), (1, -1), (1, 1), (2, -2), (2, 2), (1, -3)),
    "T_3_4": ((1, 0), (2, 0), (3, 0), (1, -1), (1, 1), (2, -2), (2, 2)),
    "L_2_5": ((1, 0), (2, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)),
}
MEMORIES = "delete t:$mem_v2; setundef -undriven -expose"
MULTIPLIER = """module multiplier(input logic signed [15:0] a_i, input logic signed [15:0] b_i, output logic signed [31:0] product_o);
  assign product_o = a_i * b_i;
endmodule
"""


def synthesise(name, source, module, parameters, apart=False):
    """um2 of a module without its memories, whose data come from outside; apart: also without multipliers. And their number."""
    read = "; ".join(filter(None, (
        "read_verilog -sv " + source,
        "chparam %s %s" % (" ".join("-set %s %s" % p for p in parameters.items()), module) if parameters else "",
        "hierarchy -check -top " + module)))
    try:
        um2, _, text = synthesis.synthesise(os.path.join(OUT, name + ".log"), read, MEMORIES,
                                            "chtype -set multiplier t:$mul" if apart else "")
    except synthesis.Failed as why:
        sys.exit("study-tactical: Yosys on %s: %s" % (module, why))
    return um2, int((re.findall(r"\$mul +(\d+)", text) or ["0"])[0])


def byte_list(values):
    return "80'h" + "".join("%02x" % (v & 0xff) for v in reversed(values)).rjust(20, "0")


def area():
    """um2 of one filter by configuration ("dense" among them), and of the window's registers of a tile."""
    if not os.path.exists(synthesis.LIBERTY):
        return None
    os.makedirs(OUT, exist_ok=True)
    source = os.path.join(OUT, "multiplier.sv")
    with open(source, "w", encoding="utf-8") as file:
        file.write(MULTIPLIER)
    multiplier, _ = synthesise("area-multiplier", source, "multiplier", {})
    filters, windows = {}, {}
    for config, inputs in (("dense", ()), *CONNECT.items()):
        rest, multipliers = synthesise("area-" + config, "rtl/common/bt_brick_tile.sv", "bt_brick_tile", {
            "Filters": 1, "Lanes": LANES, "Bits": 16, "Window": 1 + max((ahead for ahead, _ in inputs), default=0),
            "Inputs": len(inputs),
            "Ahead": byte_list([a for a, _ in inputs]), "Aside": byte_list([a for _, a in inputs])}, apart=True)
        if multipliers != LANES:
            sys.exit("study-tactical: %d multipliers in %s" % (multipliers, config))
        filters[config] = rest + LANES * multiplier
    for rows in (1, 2, 3, 4):
        windows[rows], _ = synthesise("area-window-%d" % rows, "rtl/common/bt_brick_am.sv", "bt_brick_am", {"Reads": rows,
            "BrickBits": 15})
    return multiplier, filters, windows


# ---- runs ----

def run(name, *arguments):
    """One run of the program; its results."""
    out = os.path.join(OUT, name)
    os.makedirs(out, exist_ok=True)
    line = [PROGRAM, "run", "--out", out, *arguments]
    log = subprocess.run(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if log.returncode != 0:
        sys.exit("study-tactical: %s\n%s" % (" ".join(line), log.stdout[-4000:]))
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        return json.load(file)["results"]


def compared(results, whole=False):
    """Results with a measurement, terms that were compared; all of them must be equal. Of whole networks the CPU does some layers."""
    measured = [r for r in results if r["rtl_cycles"] is not None]
    if not measured or not whole and len(measured) != len(results):
        sys.exit("study-tactical: %d of %d layers ran on RTL" % (len(measured), len(results)))
    terms = 0
    for r in measured:
        if r["verdict"] != "PASS" or r["error_cycles"] != 0:
            sys.exit("study-tactical: %s on %s: %s" % (r["layer"], r["config"], r["reason"] or r["verdict"]))
        for name, term in r["terms"].items():
            if "predicted" in term and "measured" in term:
                if term["predicted"] != term["measured"]:
                    sys.exit("study-tactical: %s on %s: %s differs" % (r["layer"], r["config"], name))
                terms += 1
    return measured, terms


TRAINED = ("squeezenet1_1", "lenet5")
TRAINED_CONFIGS = ("table3_int8", "T_2_5_int8_always", "T_2_5_int8_in_order_always", "T_2_5_int8_greedy_always")


def trained():
    """By network, sparsity, configuration: terms by layer; and the notes on the weights. None where the weights are not there."""
    found, notes = {}, {}
    for sparsity in (0, *LEVELS):
        results = run("trained-%d" % sparsity, "--chained", "--network", ",".join(TRAINED), "--images", "1", "--dtype", "int8",
                      "--sparsity", str(sparsity), "--variant", "bit_tactical,dadiannao", "--config", ",".join(TRAINED_CONFIGS),
                      "--engine", "ref,model,cycles")
        for r in results:
            if r["note"]:
                notes[r["network"]] = r["note"]
            if r["predicted_cycles"]:
                found.setdefault((r["network"], sparsity, r["config"]), {})[r["layer"]] = {
                    name: term["predicted"] for name, term in r["terms"].items() if "predicted" in term}
    if not all("trained" in notes.get(network, "") for network in TRAINED):
        return None, notes
    return found, notes



# ---- plots ----

COLOURS = {"T_1_6": "#4878a8", "T_2_5": "#e08030", "T_3_4": "#50a060", "L_2_5": "#b05080", "T_4_6": "#7a6ab0"}


def plot(name, script, *blocks):
    os.makedirs(PAGE, exist_ok=True)
    gnuplot(STYLE + "set output '%s/%s.svg'\n%s\n" % (PAGE, name, script), "".join(blocks))


def plot_speedup(p):
    wide, blocks, bars, low = len(SHAPES) + 1, [], [], []
    for i, (config, ahead) in enumerate(SHAPES.items()):
        rows = [[wide * n + i, work(p, config + "_always", network).faster] for n, network in enumerate(NETWORKS)]
        low += [[wide * n + i, work(p, ahead + "_always", network).faster] for n, network in enumerate(NETWORKS)]
        blocks.append(block("s%d" % i, rows))
        bars.append("$s%d using 1:2 with boxes lc rgb '%s' title '%s'" % (i, COLOURS[config], name_of(config)))
    bars.append("$low using 1:2 with boxes lc rgb '#b0000000' title 'by lookahead alone'")
    ticks = ",".join("'%s' %d" % (NAMES[n].split()[0], wide * i + len(SHAPES) // 2) for i, n in enumerate(NETWORKS))
    plot("speedup", "set title 'Speedup over the dense tiles without off-chip stalls, %d %% of the weights pruned'\nset "
        "boxwidth 0.9\n"
         "set style fill solid 1.0 noborder\nset yrange [0:*]\nset ylabel 'speedup'\nset xtics (%s)\nplot %s" % (
             USUAL, ticks, ", ".join(bars)), *blocks, block("low", low))


def plot_breakdown(p):
    rows = [['"%s %d"' % (NAMES[n].split()[0], s), w.unpromoted, w.ahead, w.aside, w.ineffectual]
            for n in NETWORKS for s in LEVELS for w in [work(p, "T_2_5_always", n, s)]]
    plots = ", ".join("$d using %d:xtic(1) title '%s' lc rgb '%s'" % (i + 2, t, c) for i, (t, c) in enumerate((
        ("unpromoted", "#4878a8"), ("by lookahead", "#50a060"), ("by lookaside", "#e08030"), ("ineffectual", "#bbbbbb"))))
    plot("breakdown", "set title 'Multiplier cycles of T<2,5>, dense tiles = 1 (network and percent pruned)'\nset yrange "
        "[0:*]\n"
         "set style data histogram\nset style histogram rowstacked\nset style fill solid 0.9 noborder\nset boxwidth 0.7\n"
         "set xtics rotate by -50 left\nset key outside right top\nplot " + plots, block("d", rows))


def plot_sweep(p):
    lines, blocks = [], []
    for i, config in enumerate(("T_1_6", "T_2_5", "T_3_4", "L_2_5")):
        blocks.append(block("d%d" % i, [[s, work(p, config + "_always", SWEPT[0], s).faster] for s in SWEEP]))
        lines.append("$d%d using 1:2 with linespoints pt 7 ps 0.5 lw 2 lc rgb '%s' title '%s'" % (i, COLOURS[config],
            name_of(config)))
    ideal = block("ideal", [[s, 1.0 / (1.0 - work(p, "T_2_5_always", SWEPT[0], s).zeros)] for s in SWEEP if s <= 75])
    plot("sweep", "set title '%s without off-chip stalls'\nset xlabel 'weights pruned, percent'\nset ylabel 'speedup'\n"
         "set yrange [0.8:4.2]\nset key inside left top\nplot $ideal using 1:2 with lines dt 2 lc rgb '#888888' title 'no "
         "zero left', %s" % (
             NAMES[SWEPT[0]], ", ".join(lines)), *blocks, ideal)
    lines, blocks = [], []
    for i, (config, kind, title) in enumerate((("T_2_5", "_always", "heuristic"), ("T_2_5", "_greedy_always", "greedy"),
                                               ("L_2_5", "_always", "heuristic"), ("L_2_5", "_greedy_always", "greedy"))):
        blocks.append(block("d%d" % i, [[s, 100.0 * (work(p, config + kind, SWEPT[0], s).faster /
                                                     work(p, "T_2_5_always", SWEPT[0], s).faster - 1.0)] for s in SWEEP]))
        lines.append("$d%d using 1:2 with linespoints pt %d ps 0.6 lw 2 lc rgb '%s' title '%s %s'" % (
            i, 7 if kind == "_always" else 6, COLOURS[config], name_of(config), title))
    plot("schedulers", "set title '%s: interconnects and schedulers against T<2,5> with the heuristic'\nset xlabel 'weights "
        "pruned, "
         "percent'\nset ylabel 'speedup against it, percent'\nset key inside left bottom\nplot %s" % (NAMES[SWEPT[0]],
         ", ".join(lines)), *blocks)


def plot_stalls(p):
    blocks, bars = [], []
    wide = len(LEVELS) + 1
    shades = dict(zip(LEVELS, ("#f0c090", "#e08030", "#a05010")))
    for i, s in enumerate(LEVELS):
        blocks.append(block("w%d" % i, [[wide * n + i, busy(p.get("table3", x + "+", 0)) / busy(p.get("T_2_5_always", x + "+",
            s))]
                                        for n, x in enumerate(NETWORKS)]))
        blocks.append(block("m%d" % i, [[wide * n + i, total(p.get("table3", x + "+", 0), "cycles") / total(
            p.get("T_2_5", x + "+", s), "cycles")] for n, x in enumerate(NETWORKS)]))
        bars.append("$w%d using 1:2 with boxes lc rgb '#888888' fs empty notitle" % i)
        bars.append("$m%d using 1:2 with boxes fs solid 1.0 lc rgb '%s' title '%d %% pruned'" % (i, shades[s], s))
    bars.append("1 with lines lc rgb '#000000' notitle, NaN with boxes lc rgb '#888888' fs empty title 'without stalls'")
    ticks = ",".join("'%s' %d" % (NAMES[n].split()[0], wide * i + 1) for i, n in enumerate(NETWORKS))
    plot("stalls", "set title 'T<2,5> over the dense tiles, 16 bytes of DRAM per cycle'\nset boxwidth 0.9\nset yrange [0:*]\n"
         "set ylabel 'speedup'\nset xtics (%s)\nplot %s" % (ticks, ", ".join(bars)), *blocks)



# ---- the page ----

PRINTED_REMOVED = {"AlexNet-ES": 67.5, "AlexNet-SS": 67.4, "GoogleNet-ES": 64.6, "GoogleNet-SS": 70.8, "ResNet-50-SS": 68.3,
                   "Bi-LSTM": 68.3, "MobileNet": 68.5}
PRINTED_BEST, PRINTED_RATIO, PRINTED_AREA = 2.62, 1.45, 8.2
GREEDY = ("T_2_5_always", "T_2_5_greedy_always")


def speedup_section(p):
    page = ["## Speedup without off-chip stalls (figure 8)", "",
            "Cycles of the passes and between two of them (`compute` + `turn`) of the dense tiles over those of the front end; "
            "schedules by Algorithm 2, filters shuffled. In brackets lookahead alone, with as many rows ahead.", ""]
    for sparsity in LEVELS[1:]:
        rows, columns = [], {c: [] for c in SHAPES}
        for network in NETWORKS:
            row = [NAMES[network]]
            for config, ahead in SHAPES.items():
                columns[config].append(work(p, config + "_always", network, sparsity).faster)
                row.append("%s (%s)" % (by(columns[config][-1]), by(work(p, ahead + "_always", network, sparsity).faster)))
            rows.append(row)
        rows.append(["mean (geometric)", *(by(geomean(columns[c])) for c in SHAPES)])
        page += table(["%d %% pruned" % sparsity, *(name_of(c) for c in SHAPES)], *rows)
    page += ["![speedup](study-tactical/speedup.svg)", ""]
    rows, means = [], {}
    for sparsity in (0, *LEVELS):
        row = [work(p, "T_2_5_always", n, sparsity).faster for n in NETWORKS]
        means[sparsity] = geomean(row)
        rows.append(["%d %%" % sparsity, *map(by, row), by(means[sparsity]), by(mean(row))])
    page += table(["T<2,5>, pruned", *NAMES.values(), "geometric mean", "mean"], *rows)
    alexnet = work(p, "T_2_5_always", "alexnet", 90)
    zeros = (1.0 - 1.0 / PRINTED_BEST) / (PRINTED_REMOVED["AlexNet-ES"] / 100.0)
    page += [
        "- Printed: \"more than 2x on average for the networks studied\", whose sparsity is not printed. Here the mean of "
        "T<2,5> is "
        "%s at 60 %%, %s at 75 %% and %s at 90 %%." % tuple(by(means[s]) for s in LEVELS),
        "- Printed: %.2fx for AlexNet-ES with shuffling, %.1f %% of its zeros removed. Together these say that %.1f %% of its "
        "dense "
        "multiplier cycles were ineffectual (1 - 1 / %.2f = 0.675 x zeros). AlexNet here, 90 %% pruned, has %s ineffectual "
        "with the "
        "padding, of which %s are removed: %sx; 75 %% pruned %s, %s, %sx." % (
            PRINTED_BEST, PRINTED_REMOVED["AlexNet-ES"], 100.0 * zeros, PRINTED_BEST, share(alexnet.zeros),
                share(alexnet.removed),
            by(alexnet.faster), *(f(v) for w in [work(p, "T_2_5_always", "alexnet", 75)]
                                  for f, v in ((share, w.zeros), (share, w.removed), (by, w.faster)))),
        "- A step takes weights of h + 1 rows at most, and a row is free only if none of the tile's filters has a weight in "
        "it from "
        "the beginning. So T<1,6> comes to a halt at 2, T<2,5> at 3 and T<3,4> at 4, and lookahead decides at high sparsity.",
        ""]
    return page


def shuffle_section(p):
    rows = []
    for structure in STRUCTURES:
        for network in NETWORKS:
            ordered, shuffled = (work(p, c, network, USUAL, structure) for c in ("T_2_5_in_order_always", "T_2_5_always"))
            rows.append([structure, NAMES[network], by(ordered.faster), by(shuffled.faster), gain(shuffled.faster,
                ordered.faster)])
    return ["## Filter shuffling (figure 9)", "", "T<2,5>, %d %% pruned." % USUAL, "",
            *table(["zeros by", "network", "in order", "shuffled", "gain"], *rows),
            "Printed: up to 18 % (Bi-LSTM), nearly 10 % for AlexNet-ES, always some, at least 2.2 % (GoogleNet-ES). Shuffling "
            "pays where "
            "filters differ in their weights. Uniform seeded weights pruned one by one have as many zeros in one filter as in "
            "the "
            "next; the rest is chance, and may be a loss. Where whole filters are pruned the gain is of the printed size, and "
            "with "
            "trained weights (below) SqueezeNet gains what is printed for GoogleNet-ES. Layers in groups are left in order: "
            "their filters see different channels.", ""]


def breakdown_section(p):
    rows = []
    for network in NETWORKS:
        for sparsity in LEVELS:
            w = work(p, "T_2_5_always", network, sparsity)
            rows.append([NAMES[network], "%d %%" % sparsity, *(share(v) for v in (
                w.unpromoted, w.ahead, w.aside, w.ineffectual, w.zeros, w.removed))])
    removed = [work(p, "T_2_5_always", n, s).removed for n in NETWORKS for s in LEVELS]
    biggest = []
    for network in NETWORKS:
        layers, dense = (p.get(c, network, s) for c, s in (("T_2_5_always", USUAL), ("table3", 0)))
        name = max(layers, key=lambda layer: layers[layer]["macs"])
        w = Work({name: layers[name]}, {name: dense[name]})
        biggest.append([NAMES[network], "`%s`" % name, *(share(v) for v in (w.unpromoted, w.ahead, w.aside, w.ineffectual,
            w.zeros,
                                                                            w.removed))])
    head = ["unpromoted", "by lookahead", "by lookaside", "ineffectual", "zeros, dense", "removed"]
    return ["## What the multipliers do (figure 10, table 4)", "",
            "T<2,5>, shares of the multiplier cycles of the dense tiles, from `macs_issued`, `macs_effectual`, `macs_ahead`, "
            "`macs_aside`. Zeros are pruned weights and padding: lanes beyond the last channel, filters beyond the last.", "",
            *table(["network", "pruned", *head], *rows), "![breakdown](study-tactical/breakdown.svg)", "",
            "The layer of each network with the most multiply-accumulates, %d %% pruned:" % USUAL, "",
            *table(["network", "layer", *head], *biggest),
            "Printed, table 4, zeros removed: %s. Ours: %s to %s." % (
                ", ".join("%s %.1f %%" % item for item in PRINTED_REMOVED.items()), share(min(removed)), share(max(removed))),
                ""]


def scheduler_section(p):
    rows, gains, structured = [], [], []
    for network in NETWORKS:
        row = [NAMES[network]]
        for sparsity in LEVELS:
            heuristic, greedy = (work(p, c, network, sparsity).faster for c in GREEDY)
            gains.append(heuristic / greedy)
            row.append(gain(heuristic, greedy))
        for structure in STRUCTURES[1:]:
            heuristic, greedy = (work(p, c, network, USUAL, structure).faster for c in GREEDY)
            structured.append(heuristic / greedy)
            row.append(gain(heuristic, greedy))
        rows.append(row)
    most = max((p.get(GREEDY[1], n)[l]["compute"] / layer["compute"], l) for n in NETWORKS for l, layer in p.get(GREEDY[0],
        n).items()
               if layer["macs"] > 1e7)
    return ["## Heuristic against greedy scheduler (figure 11)", "",
            "T<2,5>; greedy takes the first weight in reach, lookaside first.", "",
            *table(["network", *("%d %% pruned" % s for s in LEVELS), *("%d %%, by %s" % (USUAL, s) for s in STRUCTURES[1:])],
                *rows),
            "Printed: up to 28 %% (GoogleNet-SS), 8 %% in the mean, none on the hard-pruned networks, never worse. Ours, "
            "pruned one by one: "
            "%s to %s, %s in the mean; single layers, 75 %% pruned, up to %s (`%s`). Where whole filters are pruned the "
            "schedulers are equal, "
            "as on the printed hard-pruned networks. What greedy costs depends on the order in which it scans, of which the "
            "text says only \"lookaside "
            "first\": see below for another order." % (gain(min(gains), 1), gain(max(gains), 1), gain(mean(gains), 1),
            gain(most[0], 1), most[1]), ""]


def ahead_from(p, first, second, network, kind="_always"):
    """The sparsities of the sweep at which the first is faster than the second."""
    return [s for s in SWEEP if work(p, first + kind, network, s).faster > work(p, second + kind, network, s).faster]


def sweep_section(p):
    network, points = SWEPT[0], tuple(s for s in SWEEP if s % 10 == 0) + (95,)
    kinds = [(c, k) for k in ("_always", "_greedy_always") for c in SWEPT_CONFIGS]
    rows = [["%d %%" % s, *(by(work(p, c + k, network, s).faster) for c, k in kinds)] for s in points]
    other = [["%d %%" % s, *(by(work(p, c + k, SWEPT[1], s).faster) for c, k in OTHER_KINDS)] for s in OTHER_SWEEP]
    head = ["%s%s" % (name_of(c), ", greedy" if "greedy" in k else "") for c, k in kinds]
    ratio = {s: work(p, "T_2_5_always", network, s).faster / work(p, "T_1_6_always", network, s).faster for s in (80, 90)}
    longer = ahead_from(p, "T_3_4", "T_2_5", network)
    better = [s for s in SWEEP if work(p, GREEDY[1], network, s).faster > work(p, GREEDY[0], network, s).faster]
    page = ["## Over sparsity (figures 12 and 13)", "", NAMES[network] + ", all layers.", "",
            *table(["pruned", *head], *rows), "![speedup over sparsity](study-tactical/sweep.svg)", "",
            "![schedulers and interconnects over sparsity](study-tactical/schedulers.svg)", "", NAMES[SWEPT[1]] + ":", "",
            *table(["pruned", *head[:len(OTHER_KINDS) - 1], "T<2,5>, greedy"], *other)]
    shared = []
    for sparsity in SHARED:
        for filters in FILTERS:
            of = {c: work(p, c + ("_always" if filters == FILTERS[0] else "_filters_%d_always" % filters), network, sparsity)
                  for c in ("T_1_6", "T_2_5", "T_3_4")}
            shared.append(["%d %%" % sparsity, filters, *(by(w.faster) for w in of.values()),
                           by(of["T_2_5"].faster / of["T_1_6"].faster), by(of["T_3_4"].faster / of["T_2_5"].faster),
                           share(of["T_2_5"].removed)])
    lone = {c: work(p, c + "_filters_1_always", network, 80) for c in ("T_1_6", "T_2_5")}
    shapes = []
    for sparsity in SHAPED:
        of = {c: work(p, c, network, sparsity).faster for c in (*OTHER_SHAPES, *(c + "_always" for c in SWEPT_CONFIGS),
            GREEDY[1])}
        shapes.append(["%d %%" % sparsity, by(of["T_2_5_always"]), by(of["T_3_4_always"]), by(of[OTHER_SHAPES[1]]),
            by(of["T_1_6_always"]),
                       by(of[OTHER_SHAPES[0]]), gain(of["T_2_5_always"], of[GREEDY[1]]), gain(of["T_2_5_always"],
                           of[OTHER_SHAPES[2]])])
    row_1 = [s for s in SHAPED if work(p, OTHER_SHAPES[1], network, s).faster > work(p, "T_2_5_always", network, s).faster]
    page += [
        "- T<2,5> over T<1,6> at 80 %%: %s (printed: %.2f), at 90 %% %s. T<3,4> is ahead of T<2,5> %s (printed: from 80 %% "
        "on)." % (
            by(ratio[80]), PRINTED_RATIO, by(ratio[90]), spans(longer)),
        "- Greedy is ahead of the heuristic %s (printed: \"slightly better at lower levels of sparsity\")." % spans(better), "",
        "### What the shared window costs", "",
        "The %d filters of a tile see one window: table 3 has one activation buffer per tile and Algorithm 2 deletes a row "
        "only when it is empty in "
        "all lanes. How many filters share a window decides the figures above. The same network on tiles of fewer filters, "
        "each "
        "against dense tiles of as many (a warp still ends with its slowest tile):" % FILTERS[0], "",
        *table(["pruned", "filters that share a window", "T<1,6>", "T<2,5>", "T<3,4>", "T<2,5> / T<1,6>", "T<3,4> / T<2,5>",
                "T<2,5>: zeros removed"], *shared),
        ratio_text(ratio[80], lone, work(p, "T_1_6_always", network, 80)), "",
        "### What the shape decides", "",
        "The figures that draw the interconnects are lost. Ours are those that `suites/variants/bit_tactical.yaml` lists. "
        "Others of the same h and d, "
        "%s: T<3,4> with its side inputs all in the next row, (1,-1) (1,1) (1,-3) (1,3), where ours has (1,-1) (1,1) (2,-2) "
        "(2,2); T<1,6> at "
        "distances of 1, 2, 3, where ours has 1, 3, 5; greedy that tries (2,2) (1,-1) (2,-2) (1,-3) (1,1) (2,0) (1,0), where "
        "ours tries (1,-1) (1,1) (2,-2) "
        "(2,2) (1,-3) (1,0) (2,0)." % NAMES[network], "",
        *table(["pruned", "T<2,5>", "T<3,4>", "T<3,4>, next row", "T<1,6>", "T<1,6>, near", "heuristic over greedy",
            "over greedy, other order"], *shapes),
        "So \"T<2,5> is best below 80 %%, T<3,4> above\" is a matter of where T<3,4> has its side inputs: with those of the "
        "next row T<2,5> is ahead up to "
        "%d %%, and T<3,4> only at %s." % (max(s for s in SHAPED if s not in row_1), ", ".join("%d %%" % s for s in row_1)), ""]
    return page


def ratio_text(ratio, lone, short):
    """Why the printed ratio of T<2,5> to T<1,6> is not found: what table 4 allows."""
    removed = max(PRINTED_REMOVED.values()) / 100.0
    most = 1.0 / (1.0 - short.zeros * removed)
    needed = (1.0 - 1.0 / (PRINTED_RATIO * short.faster)) / short.zeros
    return ("The printed ratio of %.2f at 80 %% is not found in lock step (%s); with a window for each filter it is %s. But "
        "then %s of the zeros go, "
            "more than in any row of table 4 (64.6 to 70.8 %%), which lock step fits. The two printed numbers do not go "
            "together here: of the %s zeros of this "
            "network at 80 %%, %.1f %% removed make it %s times as fast, %.2f times ours of T<1,6> (%s) would take %s." % (
                PRINTED_RATIO, by(ratio), by(lone["T_2_5"].faster / lone["T_1_6"].faster), share(lone["T_2_5"].removed),
                    share(short.zeros),
                100.0 * removed, by(most), PRINTED_RATIO, by(short.faster), share(needed)))


def spans(points):
    """'from 40 % to 95 %', of points of the sweep."""
    if not points:
        return "nowhere"
    parts, start, before = [], points[0], points[0]
    for s in (*points[1:], None):
        if s is None or SWEEP.index(s) != SWEEP.index(before) + 1:
            parts.append("at %d %%" % start if start == before else "from %d to %d %%" % (start, before))
            start = s
        before = s
    return ", ".join(parts)


def stalls_section(p):
    rows, formats, bound, never = [], [], [], []
    layers = slower = against_packed = 0

    def bands(config, sparsity):
        return int(total(p.get(config, "squeezenet1_1+", sparsity), "bands"))

    for network in NETWORKS:
        whole = network + "+"
        dense = p.get("table3", whole, 0)
        for sparsity, structure in [(s, "random") for s in (0, *LEVELS)] + [(USUAL, s) for s in STRUCTURES[1:]]:
            front = p.get("T_2_5", whole, sparsity, structure)
            layers += len(front)
            slower += sum(front[l]["cycles"] > dense[l]["cycles"] for l in front)
            if structure != "random":
                continue
            packed = p.get("table3_packed", whole, sparsity)
            against_packed += sum(front[l]["cycles"] > packed[l]["cycles"] for l in front)
            always = p.get("T_2_5_always", whole, sparsity)
            cycles = [total(x, "cycles") for x in (dense, packed, front)]
            rows.append([NAMES[network], "%d %%" % sparsity, *map(number, cycles), by(cycles[0] / cycles[2]),
                by(cycles[1] / cycles[2]),
                         by(busy(dense) / busy(always))])
            if structure == "random":
                raw, zipped = (total(x, "read_beats") for x in (dense, packed))
                count = {f: sum(l["stream"] == f for l in front.values()) for f in ("raw", "packed", "scheduled")}
                formats.append([NAMES[network], "%d %%" % sparsity, number(raw), number(zipped), gain(zipped, raw),
                                gain(cycles[1], cycles[0]), sum(l["stream"] == "packed" for l in packed.values()),
                                " / ".join(str(count[f]) for f in ("raw", "packed", "scheduled"))])
            if sparsity == USUAL:
                bound.append(bound_row(network, dense, front, always))
    if slower or against_packed:
        sys.exit("study-tactical: T<2,5> is slower than the dense tiles on %d layers" % (slower + against_packed))
    means = {s: (geomean(total(p.get("table3", n + "+", 0), "cycles") / total(p.get("T_2_5", n + "+", s),
        "cycles") for n in NETWORKS),
                 geomean(total(p.get("table3_packed", n + "+", s), "cycles") / total(p.get("T_2_5", n + "+", s), "cycles")
                         for n in NETWORKS)) for s in (0, *LEVELS)}
    return ["## With off-chip stalls", "",
            "Whole networks, start to interrupt of each layer, added up; 16 bytes per cycle and 32 cycles to DRAM. The "
            "configuration T_2_5 takes of each layer's raw, packed and scheduled weights those that are fastest. "
            "`table3_packed` is "
            "the dense machine that reads its weights zero-compressed, where that is faster.", "",
            *table(["network", "pruned", "`table3`", "`table3_packed`", "T_2_5", "over `table3`", "over `table3_packed`",
                "without stalls"], *rows),
            "![with stalls](study-tactical/stalls.svg)", "",
            "Geometric mean of the five: %s. What is more than 3 (AlexNet at 90 %%) is the stream, not the skipping: `table3` "
            "reads its classifiers' zeros." % "; ".join("%d %% pruned %s over `table3`, %s over `table3_packed`" % (
                s, by(a), by(b)) for s, (a, b) in means.items()), "",
            "### Where it is not faster", "", "Layers at %d %% whose gain over `table3` is below 5 %%, and what the front end "
            "does there in percent "
            "of its cycles:" % USUAL, "",
            *table(["network", "layers", "gain below 5 %", "share of `table3`'s cycles", "passes", "waiting for reads",
                "waiting for "
                    "write-back", "first fill and last drain", "without stalls"], *bound),
            "They wait for the channel on which results leave, 16 bytes per cycle: 1x1 layers of few channels in and many "
            "out. What the front end saves "
            "there (last column) is saved from waiting.", "", "It is never slower: of %d predictions (five networks, 0, 60, "
            "75, 90 %% one by one, %d %% by kernel and by filter) none takes more cycles "
            "than `table3`, and of those pruned one by one none more than `table3_packed`. At 0 %% padding alone gives a mean "
            "of %s over `table3`." % (
                layers, USUAL, by(means[0][0])), "",
            "### Does the zero-compressed stream pay?", "",
            "Beats of 16 bytes read for all layers; a packed weight takes 24 bits (16, its select and its distance), five of "
            "them a beat.", "",
            *table(["network", "pruned", "beats, `table3`", "beats, `table3_packed`", "change", "cycles", "layers that pack",
                    "T_2_5: raw / packed / scheduled"], *formats),
            "It pays in cycles on every network from 60 %% on, and raw weights stay where they are faster, so that it never "
            "costs any. A packed weight takes "
            "24 bits where a raw one takes 16: dense layers without padding gain nothing. Bands are chosen for cycles; a "
            "cheaper stream allows more "
            "of them, each of which reads all weights again, so that beats may rise where cycles fall (SqueezeNet at 60 %%: "
            "%d bands instead of %d)." % (
                bands("table3_packed", 60), bands("table3", 0)), ""]


def bound_row(network, dense, front, always):
    same = [l for l in front if dense[l]["cycles"] < 1.05 * front[l]["cycles"]]
    if not same:
        return [NAMES[network], len(front), 0, "", "", "", "", "", ""]
    pick = {l: front[l] for l in same}
    cycles = total(pick, "cycles")
    return [NAMES[network], len(front), "%d: %s" % (len(same), ", ".join("`%s`" % l for l in same)),
        share(sum(dense[l]["cycles"] for l in same) / total(dense, "cycles")),
            *(share(total(pick, *terms) / cycles) for terms in (("compute", "turn"), ("load_stall",), ("store_stall",),
                ("control", "fill", "drain"))),
            by(sum(dense[l]["compute"] + dense[l]["turn"] for l in same) / sum(always[l]["compute"] + always[l]["turn"] for l in same))]



def trained_section(p):
    found, notes = trained()
    head = ["## Trained weights", ""]
    if found is None:
        return head + ["SKIP: the data folder with the trained networks is not here (`BITTRUE_DATA`).", ""]
    rows = []
    for network in TRAINED:
        for sparsity in (0, *LEVELS):
            dense, front, ordered, greedy = (found[network, sparsity, c] for c in TRAINED_CONFIGS)
            w, o, g = (Work(x, dense) for x in (front, ordered, greedy))
            seeded = seeded_speedup(p, network, sparsity)
            rows.append([NAMES.get(network, "LeNet-5"), "%d %%" % sparsity, share(w.zeros), share(w.removed), by(w.faster),
                         gain(w.faster, o.faster), gain(w.faster, g.faster), seeded])
    return head + ["Whole networks chained in int8, as they were trained, each layer's weights pruned by magnitude; T<2,5> of "
        "8 bits over `table3_int8`, without "
                   "off-chip stalls.", "",
                   *table(["network", "pruned", "zeros, dense", "removed", "T<2,5>", "by shuffling", "heuristic over greedy",
                       "T<2,5>, seeded weights"], *rows),
                   *("- %s: %s." % (NAMES.get(n, "LeNet-5"), re.sub("^weights ", "",
                       notes[n]).split("; 1 picture")[0]) for n in TRAINED), ""]


def seeded_speedup(p, network, sparsity):
    if network not in NAMES:
        return ""
    front = p.get("T_2_5_int8_always", network, sparsity, dtype="int8")
    return by(busy(p.get("table3_int8", network, 0, dtype="int8")) / busy(front))


RTL_CONFIGS = ("T_2_5", "T_1_6", "T_3_4", "L_2_5", "T_2_5_greedy", "T_2_5_in_order")


def rtl_section():
    suite, terms = compared(run("rtl", "--suite", SUITE))
    chained, more = compared(run("rtl-trained", "--chained", "--network", ",".join(TRAINED), "--images", "1", "--dtype", "int8",
        "--sparsity",
                                 str(USUAL), "--variant", "bit_tactical,dadiannao", "--config", "table3_int8,T_2_5_int8",
                                     "--engine",
                                 "ref,model,rtl,cycles"), whole=True)
    rows = []
    for config in sorted({r["config"] for r in suite + chained}, key=lambda c: (not c.startswith("table"), c)):
        of = [r for r in suite + chained if r["config"] == config]
        rows.append([config, len(of), number(sum(r["rtl_cycles"] for r in of)), number(sum(r["predicted_cycles"] for r in of)),
                     "%.0f" % sum(r["rtl_seconds"] for r in of)])
    # Layers that the suite has on the dense tiles and on the front end, as measured.
    def cycles(config):
        return {(r["network"], r["layer"]): r["rtl_cycles"] for r in suite if r["config"] == config and r["sparsity"] == USUAL and
                r["structure"] == "random"}
    dense, front = cycles("table3"), cycles("T_2_5")
    slower = [l for l in dense if front[l] > dense[l]]
    if slower:
        sys.exit("study-tactical: slower on RTL: %s" % slower)
    return ["## On RTL", "",
            "`%s`: every distinct layer of SqueezeNet 1.1 and fifteen layers of the other networks at their real sizes, 75 %% "
            "pruned, some of it "
            "0 and 90 %% pruned and by kernel; and SqueezeNet 1.1 and LeNet-5 whole in int8, each layer reading what the one "
            "before wrote. %d "
            "results: all bits are those of the reference and of the model, and of %s terms (cycles, stalls, beats, "
            "multiply-accumulates) "
            "each is as predicted." % (SUITE, len(suite) + len(chained), number(terms + more)), "",
            *table(["configuration", "results", "cycles, RTL", "predicted", "seconds of simulation"], *rows),
            "Of the %d layers that ran 75 %% pruned on both, T_2_5 is slower on none as measured, and %s times as fast in "
            "sum." % (
                len(dense), by(sum(dense.values()) / sum(front[l] for l in dense))), ""]


def area_section():
    found = area()
    head = ["## Logic area", ""]
    if found is None:
        return head + ["SKIP: no cell library (%s); `ci/bootstrap area` installs it." % synthesis.LIBERTY, ""]
    multiplier, filters, windows = found
    tile = FILTERS[0]
    dense = tile * filters["dense"]
    rows = []
    for config in CONNECT:
        depth = 1 + max(a for a, _ in CONNECT[config])
        extra, window = tile * filters[config] - dense, windows[depth] - windows[1]
        rows.append([name_of(config), number(filters[config]), number((filters[config] - filters["dense"]) / LANES),
            number(extra), share(extra / dense), number(window),
                     share(window / dense), share((extra + window) / (dense + windows[1]))])
    return head + [
        "Yosys 0.23 with the cells of OSU's 0.18 um library (`alumacc`, `techmap`, `dfflibmap`, `abc`), um2. `bt_brick_tile` "
        "of one filter (16 lanes of 16 bits: "
        "multipliers, adder tree, 48-bit accumulator, the sum's registers), %d times; `bt_brick_am` of one tile for the "
        "window. The multiplier (%s um2) is "
        "synthesised once by itself. In: multiplexers, the decoding of selects in them, the window's registers. Out: memories "
        "(weights, selects, partial sums, "
        "activations) and what only writes them, requantisation, control and bus." % (tile, number(multiplier)), "",
        "Dense: %s um2 for a filter, %s um2 for a tile, and %s um2 for its brick's register." % (number(filters["dense"]),
        number(dense), number(windows[1])), "",
        *table(["", "a filter", "of it for a lane's multiplexer", "more in a tile", "of a dense tile", "more window registers",
            "of a dense tile", "both"], *rows),
        "Printed: %.1f %% of the compute area (65 nm, after layout, 1 GHz). A multiplexer of 8 inputs and 16 bits is in front "
        "of each multiplier of "
        "each filter, whatever the interconnect: these areas differ by what is in the window's registers. Their ports of the "
        "activation memory, h + 1 reads of a "
        "brick per cycle and tile instead of one, are memory and not in these numbers, nor are four bits of select per "
        "weight." % PRINTED_AREA, ""]


def time_section():
    line = [PROGRAM, "predict", "--network", "resnet50", "--dtype", "int16", "--sparsity", str(USUAL), "--variant",
        "bit_tactical",
            "--config", "T_2_5"]
    tries = []
    for _ in range(3):
        log = subprocess.run(line, env=environment("suites"), stdout=subprocess.PIPE, text=True, check=True).stdout
        tries.append(float(re.search(r"predicted in ([\d.]+) ms", log).group(1)) / 1e3)
    return ["## The scheduler's time", "",
            "`%s`: %.1f s on one core, best of three, for all layers of ResNet-50: seeding and pruning 25.5 M weights, three "
            "streams for each layer "
            "(raw, packed, scheduled by Algorithm 2), the time of each." % (" ".join(line), min(tries)), ""]


def main():
    begin = time.perf_counter()
    p = Predictions()
    collect(p)
    plot_speedup(p)
    plot_breakdown(p)
    plot_sweep(p)
    plot_stalls(p)
    page = ["# Weight skipping on DaDianNao++ tiles", "",
            "Written by `make study-tactical`: `bit_tactical` beside `dadiannao`, tiles of table 3 (4 tiles, 16 filters, 16 "
            "lanes, 16 bits). "
            "Printed values are those of 003; its figures are lost in the copy that we have, its text and tables are not.", "",
            *summary_section(p), *workloads_section(p), *speedup_section(p), *shuffle_section(p), *breakdown_section(p),
                *scheduler_section(p), *sweep_section(p),
            *stalls_section(p), *trained_section(p), *rtl_section(), *area_section(), *time_section()]
    page += ["One configuration by hand: `BITTRUE_SUITES=%s build/bittrue run --suite %s --config T_2_5`." % (SUITES, SUITE),
        ""]
    with open("reports/study-tactical.md", "w", encoding="utf-8") as file:
        file.write("\n".join(page))
    print("reports/study-tactical.md, %.0f s" % (time.perf_counter() - begin))


def summary_section(p):
    def over(base, sparsity):
        return by(geomean(total(p.get(base, n + "+", sparsity if base != "table3" else 0), "cycles") / total(p.get("T_2_5",
            n + "+", sparsity), "cycles")
                          for n in NETWORKS))

    return ["In short, T<2,5>, geometric means of five networks:", "",
            *table(["pruned", "without off-chip stalls", "with, over `table3`", "with, over `table3_packed`"], *(
                ["%d %%" % s, by(geomean(work(p, "T_2_5_always", n, s).faster for n in NETWORKS)), over("table3", s),
                    over("table3_packed", s)]
                for s in (0, *LEVELS))),
            "The printed claim, more than 2x on average without off-chip stalls, holds from 75 % on and not at 60 %. With "
            "this memory (16 bytes per cycle) it "
            "does not below 90 %, and against a dense machine with compressed weights not at all.", ""]


def workloads_section(p):
    every, kept = (p.get("table3", n, 0) for n in ("alexnet+", "alexnet"))
    return ["## Workloads", "",
            "AlexNet, GoogLeNet, ResNet-50, MobileNet v1, SqueezeNet 1.1 with all their convolutions and classifiers, one "
            "picture, 16 bits. "
            "Weights are seeded, uniform over the format, and pruned by magnitude, in every layer to the same share: one by "
            "one (`random`: "
            "after this anywhere), by kernel (`channel`) or by filter. The printed networks were pruned and trained again; "
            "how far is not "
            "printed, but that all but one are below 80 %.", "",
            "- 75 % where a figure needs one number: what MobileNet and all but one of the printed networks may have.",
            "- 60, 75, 90 % where the sparsity decides: speedup, breakdown, schedulers, stalls.",
            "- 0 to 95 % in the sweep.",
            "- AlexNet's fc6 and fc7 are %s of its multiplier cycles and most of a prediction's time; sections without stalls "
            "leave "
            "them out, sections with stalls do not." % share(1.0 - busy(kept) / busy(every)), ""]


if __name__ == "__main__":
    main()
