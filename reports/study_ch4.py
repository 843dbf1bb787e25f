#!/usr/bin/env python3
"""The study of the Gemmini-class array (make study-ch4): three layers and ResNet-34 against RTL, roofline and other tools;
memories against array size; the design space of 30 pictures per second. Writes reports/study-ch4.md and its plots.

  study_ch4.py          everything; the cores that --cores names must be there
  study_ch4.py --cores  for make: the configurations to simulate, which follow from the predictions

Source: 002, section 4.5.3, table 4.1 and figures 4.16 to 4.18."""
import csv
import json
import math
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # no cache beside the sources
from plot import STYLE, block, gnuplot  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
OUT = os.path.join(BUILD, "study-ch4")
PAGE = "reports/study-ch4"
SUITES = "suites/studies"
SUITE = SUITES + "/dissertation_ch4.yaml"
SPACE = SUITES + "/variants/ws_array.yaml"
PEERS = os.environ.get("BITTRUE_PEERS", "../shared/peers")  # what other tools predicted; else the rows kept here
PEERS_KEPT = PAGE + "/peers.csv"

CLOCK = 700e6  # 002, section 4.5.3
FPS = 30
LAYERS = ("L1", "L2", "L3")
NETWORK = "resnet34"
SIZES = ("8x8", "16x16", "32x32")  # of figure 4.16
BASE = "-256-64"  # KiB of scratchpad and accumulator: those that the section compares array sizes with
SMALL, LARGE, WIDER = "16x16-256-64", "16x16-2048-1024", "32x32-256-64"  # figure 4.17

# Printed in 002, section 4.5.3.
PRINTED_TIMES = {"L1": (1.8, 165, 55, 9179), "L2": (0.17, 16, 138, 2201), "L3": (0.76, 147, 18, 2667)}  # seconds; factor
PRINTED_POOL_PERCENT = 23
PRINTED_MEMORY = {"percent": 7.3, "area": 7.0}
PRINTED_ARRAY = {"percent": 217, "area_percent": 73}
PRINTED_SPACE = {"points": 57, "pareto": 13, "fps": (34, 117), "pareto_fps": (53.9, 82.5)}
PRINTED_SPOT = {"config": WIDER, "fps": 59, "area": 3.25, "energy": 14.17}

# Energy at 45 nm, 0.9 V, of 32 bits: 003, table 2.
PJ_ADD, PJ_MULTIPLY, PJ_SRAM, PJ_DRAM = 0.1, 3.1, 5.0, 640.0
SRAM_BYTES = 32 * 1024  # of the memory that PJ_SRAM is for
PJ_MAC = PJ_MULTIPLY * (8 * 8) / (32 * 32) + PJ_ADD

# Area. Logic and memory nodes are those of 002, section 4.5.1.
MESH_UM2, MESH_PES, MESH_NM = 590160, 16, 180  # a 4x4 int8 mesh, Yosys 0.23 with the OSU 0.18 um cells
LOGIC_NM, SRAM_NM = 65, 40
CELL_F2 = 140  # standard 6T cell in squares of the feature size: doi:10.1038/s41598-017-12347-x, table 2
PE_MM2 = MESH_UM2 / MESH_PES * (LOGIC_NM / MESH_NM) ** 2 * 1e-6
BIT_MM2 = CELL_F2 * (SRAM_NM * 1e-6) ** 2


# ---- the program's results ----

def bittrue(command, *arguments):
    line = [os.path.join(BUILD, "bittrue"), command, "--variant", "ws_array", *arguments]
    log = subprocess.run(line, env={**os.environ, "BITTRUE_SUITES": SUITES}, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    if log.returncode != 0:
        sys.exit("study-ch4: %s\n%s" % (" ".join(line), log.stdout))
    return log.stdout


def predict(*arguments):
    """Predictions by configuration and layer, each a dict of its columns, and the milliseconds they took."""
    found, config, names = {}, None, []
    for line in bittrue("predict", *arguments).splitlines():
        words = line.split()
        if line.startswith("ws_array "):
            config = words[1]
        elif line.startswith("layer "):
            names = [re.sub("[^a-z_]", "", w.lower()) for w in line.replace(" %", "%").removesuffix("mapping").split()[1:]]
        elif re.search(" (SKIP|FAIL) ", line):
            sys.exit("study-ch4: no prediction on %s: %s" % (config, line))
        elif len(words) > len(names) > 0 and words[0] != "total":  # the mapping stands behind the numbers
            found.setdefault(config, {})[words[0]] = {n: float(w) for n, w in zip(names, words[1:])}
        elif line.endswith(" ms"):
            return found, float(words[-2])
    sys.exit("study-ch4: bittrue predict ended without its last line")


def run(name, *arguments):
    """One run against RTL; its results."""
    out = os.path.join(OUT, name)
    os.makedirs(out, exist_ok=True)
    bittrue("run", "--engine", "ref,rtl,cycles", "--out", out, *arguments)
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        results = [r for r in json.load(file)["results"] if r["verdict"] != "SKIP"]
    for r in results:
        if r["verdict"] != "PASS" or r["rtl_cycles"] is None:
            sys.exit("study-ch4: %s on %s: %s" % (r["layer"], r["config"], r["reason"] or r["verdict"]))
    return results


# ---- the design space ----

class Point:
    """One configuration: ResNet-34 on it, as predicted."""

    def __init__(self, config, layers):
        self.config = config
        self.dim, spad, acc = (int(n) for n in re.fullmatch(r"(\d+)x\d+-(\d+)-(\d+)", config).groups())
        self.spad, self.acc = spad * 1024, acc * 1024
        self.layers = layers
        self.cycles = sum(t["cycles"] for t in layers)
        self.roofline = sum(t["roofline"] for t in layers)
        self.fps = CLOCK / self.cycles
        self.busy = sum(t["macs"] for t in layers) / self.dim ** 2 / self.cycles  # share of the multipliers' cycles
        self.parts = self.energy()
        self.mj = sum(self.parts.values())
        self.area = self.dim ** 2 * PE_MM2 + 8 * (self.spad + self.acc) * BIT_MM2

    def energy(self):
        """Millijoules per picture by part."""
        def total(term):
            return sum(t[term] for t in self.layers)

        def sram(moved_bytes, bank_bytes):  # lines of a square memory grow with the root of its bits
            return moved_bytes / 4 * PJ_SRAM * math.sqrt(bank_bytes / SRAM_BYTES)

        read, written = 16 * total("read_beats"), 16 * total("write_beats")
        rows = total("compute")
        operands = rows * self.dim + total("preloads") * self.dim ** 2 + read
        sums = 4 * self.dim * (2 * rows + total("acc_reads"))
        return {"multiply and add": 1e-9 * total("macs_issued") * PJ_MAC, "scratchpad": 1e-9 * sram(operands, self.spad / 4),
                "accumulator": 1e-9 * sram(sums, self.acc / 2), "DRAM": 1e-9 * (read + written) / 4 * PJ_DRAM}



def design_space():
    """All configurations of the space, the whole of ResNet-34 predicted on each: conv1 with its pooling is L1."""
    layers, _ = predict("--network", NETWORK)
    shapes, _ = predict("--suite", SUITE, "--network", "shapes")
    return {c: Point(c, [shapes[c]["L1"]] + [t for l, t in layers[c].items() if l != "conv1"]) for c in layers}


def pareto(points, area=lambda p: p.area, fps=lambda p: p.fps):
    """Those that no other is as good as in pictures per second, energy and area, and better in one of them."""
    worth = {p.config: (-fps(p), p.mj, area(p)) for p in points}
    return [p for p in points if not any(w != worth[p.config] and all(a <= b for a, b in zip(w, worth[p.config]))
                                         for w in worth.values())]


def valid(space):
    return [p for p in space.values() if p.fps >= FPS]


def simulated(space):
    front = {p.config for p in pareto(valid(space))}
    return [c for c in space if c in front | {s + BASE for s in SIZES} | {SMALL, LARGE, WIDER}]


def print_cores(space):
    for config in simulated(space):
        p = space[config]
        print("$(eval $(call study_core,%s,DIM=%d SPAD_BYTES=%d ACC_BYTES=%d))" % (config, p.dim, p.spad, p.acc))


# ---- text ----

def table(head, *rows):
    """Columns are numbers, to the right, where most of their cells are."""
    def numbers(cells):
        said = [c for c in map(str, cells) if c]
        return 2 * sum(re.fullmatch(r"[<>+-]? ?[\d.,]+( ?(%|x|h|s|ms|mJ|J|mm2|FPS))?", c) is not None for c in said) > len(said)

    rule = ["--:" if i and numbers(column) else "---" for i, column in enumerate(zip(*rows))]
    return ["| %s |" % " | ".join(str(c) for c in line) for line in (head, rule, *rows)] + [""]


def number(n):
    return "{:,.0f}".format(n)


def percent(predicted, measured):
    return "0" if predicted == measured else "%+.1f %%" % (100.0 * (predicted / measured - 1.0))


def mesh(config):
    return config.split("-")[0]


def memories(config):
    return "%s, %s KiB, %s KiB" % tuple(config.split("-"))


# ---- (a) layers ----

def measure(space):
    """Cycles and seconds of the three layers and of the whole network on RTL, by size and layer."""
    configs = ",".join(s + BASE for s in SIZES)
    shapes = run("layers", "--suite", SUITE, "--network", "shapes", "--config", configs)
    whole = run("whole", "--chained", "--network", NETWORK, "--images", "1", "--config", configs)
    found = {}
    for r in shapes:
        found[mesh(r["config"]), r["layer"]] = {"rtl": r["rtl_cycles"], "exact": r["predicted_cycles"],
                                                "roofline": r["roofline_cycles"], "seconds": r["rtl_seconds"],
                                                "terms": {t: v["measured"] for t, v in r["terms"].items()}}
    for size in SIZES:
        rows = [r for r in whole if mesh(r["config"]) == size and r["rtl_cycles"]]
        found[size, NETWORK] = {key: sum(r[name] for r in rows) for key, name in (
            ("rtl", "rtl_cycles"), ("exact", "predicted_cycles"), ("roofline", "roofline_cycles"), ("seconds", "rtl_seconds"))}
        if found[size, NETWORK]["exact"] != space[size + BASE].cycles:
            sys.exit("study-ch4: %s as a whole and the sum of its layers differ on %s" % (NETWORK, size))
    return found, len(shapes) + len(whole)


def layer_text(found):
    rows = []
    for size in SIZES:
        for layer in (*LAYERS, NETWORK):
            f = found[size, layer]
            rows.append([size, layer.replace(NETWORK, "ResNet-34"), number(f["rtl"]), number(f["exact"]),
                         percent(f["exact"], f["rtl"]), number(f["roofline"]), percent(f["roofline"], f["rtl"])])
    return table(["array", "layer", "cycles, RTL", "`exact`", "error", "`roofline`", "error"], *rows)


def words_text():
    rows = []
    for size in SIZES + ("64x64",):
        dim = int(size.split("x")[0])
        rows.append([size, math.ceil(147 / dim), 7 * math.ceil(21 / dim), 49])
    return table(["array", "all 147 bytes packed (`roofline`)", "by kernel row (ours)", "by input channel (Gemmini, as "
                                                                                        "described)"],
                 *rows)


def pool_text(found):
    rows = []
    for size in SIZES:
        with_pool, without = found[size, "L1"], found[size, "L1_unpooled"]
        rows.append([size, number(with_pool["rtl"]), number(without["rtl"]), percent(with_pool["rtl"], without["rtl"]),
                     percent(without["exact"], with_pool["rtl"]), number(with_pool["terms"]["compute"] -
                                                                       without["terms"]["compute"]),
                     "%s / %s" % (number(with_pool["terms"]["write_beats"]), number(without["terms"]["write_beats"]))])
    return table(["array", "L1, pooled", "L1, not pooled", "pooling costs", "error of a model without it", "of it compute",
                  "beats written"], *rows)


def predict_ms(size, layer):
    """Milliseconds of a prediction, the mapping's search included: as the program says, and of the whole process."""
    arguments = ("--network", NETWORK) if layer == NETWORK else ("--suite", SUITE, "--network", "shapes", "--layer", layer)
    tries = []
    for _ in range(5):
        begin = time.perf_counter()
        _, ms = predict("--config", size + BASE, *arguments)
        tries.append((ms, 1e3 * (time.perf_counter() - begin)))
    return [min(t) for t in zip(*tries)]


def times_text(found):
    rows = []
    for size in SIZES:
        for layer in (*LAYERS, NETWORK):
            ms, process = predict_ms(size, layer)
            seconds = found[size, layer]["seconds"]
            row = [layer.replace(NETWORK, "ResNet-34"), size, "%.3f ms" % ms, "%.0f ms" % process, "%.2f s" % seconds,
                   number(1e3 * seconds / ms)]
            if size != "16x16":
                row += [""] * 4
            elif layer == NETWORK:
                row += ["28 s", "1 h", "> 48 h", "> %s" % number(48 * 3600 / 28)]
            else:
                model, scale, _, accurate = PRINTED_TIMES[layer]
                row += ["%g s" % model, "%d s" % scale, "%d s" % accurate, number(accurate / model)]
            rows.append(row)
    return table(["layer", "array", "`exact`, ours", "the whole process", "RTL, ours", "factor", "printed: model",
                  "printed: SCALE-Sim", "printed: cycle-accurate", "factor"], *rows)


# ---- other tools ----

# Rows of the peers' table: tool, dataflow, part of its configuration, what must not be in it, and what to say about it.
PEER_ROWS = (
    ("SCALE-Sim v1", "ws", "stall-free", None, "no stalls, 3 x 64 kB of SRAM"),
    ("SCALE-Sim v1", "os", "stall-free", None, "no stalls, 3 x 64 kB of SRAM"),
    ("SCALE-Sim v2", "ws", "stall-free", None, "no stalls, 3 x 64 kB of SRAM; whole fill and drain for each fold"),
    ("SCALE-Sim v2", "os", "stall-free", None, "no stalls, 3 x 64 kB of SRAM; whole fill and drain for each fold"),
    ("STONNE", "os", "OS_MESH", None, "simulates its own mesh, 32 and 256 words per cycle in and out, no DRAM"),
    ("Timeloop", "ws", "unlimited", None, "buffer and bandwidth unlimited, no fill or drain, im2col given"),
    ("Timeloop", "os", "unlimited", None, "buffer and bandwidth unlimited, no fill or drain, im2col given"),
    ("ZigZag", "ws", "LOMA", "im2col", "2 MB of SRAM, DRAM of 64 bits per cycle; K x C unrolled"),
    ("ZigZag", "ws", "im2col", None, "2 MB of SRAM, DRAM of 64 bits per cycle; im2col given"),
    ("ZigZag", "os", "LOMA", "im2col", "2 MB of SRAM, DRAM of 64 bits per cycle"),
    ("ZigZag", "os", "im2col", None, "2 MB of SRAM, DRAM of 64 bits per cycle; im2col given"),
    ("MAESTRO", "ws (K x C", "offchip_bw 70000", None, "bandwidth unbound; K x C unrolled"),
    ("MAESTRO", "os (shipped ykp", "offchip_bw 70000", None, "bandwidth unbound; Y x K unrolled"),
    ("MAESTRO", "os (shipped yxp", "offchip_bw 70000", None, "bandwidth unbound; Y x X unrolled"),
)
PEER_LAYERS = {("first3", "conv1_7x7s2"): "L1", ("first3", "conv2_1x1"): "L2", ("first3", "conv2_3x3"): "L3",
               (NETWORK, "TOTAL"): NETWORK}


def peers():
    """The rows that the page uses, from the other tools' results if they are here, which are then kept beside the page."""
    source = os.path.join(PEERS, "peers.csv")
    kept = not os.path.exists(source)
    with open(PEERS_KEPT if kept else source, encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file)
    used, found = [], {}
    for i, (tool, dataflow, having, without, _) in enumerate(PEER_ROWS):
        for line in lines:
            layer = PEER_LAYERS.get((line[2], line[3]))
            if (layer and line[0] == tool and line[4] == "16x16" and line[5].startswith(dataflow) and having in line[6] and
                    (without is None or without not in line[6]) and line not in used):
                if (i, layer) in found:
                    sys.exit("study-ch4: two rows of %s %s for %s" % (tool, dataflow, layer))
                used.append(line)
                found[i, layer] = (int(line[7]), line[8])
    if len(found) != len(PEER_ROWS) * len(PEER_LAYERS):
        sys.exit("study-ch4: %s: %d of %d rows found" % (source, len(found), len(PEER_ROWS) * len(PEER_LAYERS)))
    if not kept:
        with open(PEERS_KEPT, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *used])
    return found


def peer_text(found, others):
    size = "16x16"
    head = ["tool", "dataflow", "L1", "error", "against L1 not pooled", "L2", "error", "L3", "error", "ResNet-34", "error",
            "seconds for ResNet-34", "configuration"]

    def row(tool, dataflow, cycles, seconds, note):
        cells = [tool, dataflow]
        for layer in (*LAYERS, NETWORK):
            cells += [number(cycles[layer]), "" if tool == "**RTL**" else percent(cycles[layer], found[size, layer]["rtl"])]
            if layer == "L1":
                cells.append(percent(cycles[layer], found[size, "L1_unpooled"]["rtl"]))
        return cells + [seconds, note]

    rows = [row("**RTL**", "ws", {l: found[size, l]["rtl"] for l in (*LAYERS, NETWORK)},
                "below", "256 KiB and 64 KiB, 128 bits per cycle, latency of 32 cycles"),
            row("`exact`", "ws", {l: found[size, l]["exact"] for l in (*LAYERS, NETWORK)}, "below", ""),
            row("`roofline`", "ws", {l: found[size, l]["roofline"] for l in (*LAYERS, NETWORK)}, "below",
                "equations 4.1 to 4.4, alpha = 1")]
    for i, (tool, dataflow, _, _, note) in enumerate(PEER_ROWS):
        rows.append(row(tool, dataflow.split()[0], {l: others[i, l][0] for l in (*LAYERS, NETWORK)},
                        others[i, NETWORK][1], note))
    return table(head, *rows)


# ---- (b) memories against array size ----

def memory_text(space):
    sizes = sorted({p.acc for p in space.values() if p.dim == 16 and p.acc <= 1 << 20})
    rows = []
    for spad in sorted({p.spad for p in space.values() if 256 <= p.spad >> 10 <= 2048}):
        cells = ["%d KiB" % (spad >> 10)]
        for acc in sizes:
            p = space.get("16x16-%d-%d" % (spad >> 10, acc >> 10))
            cells.append("%.3f" % (p.cycles * 1e-6) if p else "")
        rows.append(cells)
    return table(["scratchpad"] + ["accumulator %d KiB" % (a >> 10) for a in sizes], *rows)


def gain(a, b):
    """How much faster b is than a, percent."""
    return 100.0 * (a.cycles / b.cycles - 1.0)


# ---- (c) the design space ----

def confirm(space, configs):
    """The same layers on RTL: every counter as predicted, bits as the operators'. Layers and seconds on RTL by configuration."""
    results = run("space", "--suite", SUITE, "--layer", "L1,layer*,fc", "--config", ",".join(configs))
    done = {}
    for config in configs:
        mine = [r for r in results if r["config"] == config]
        for r in mine:
            for term, values in r["terms"].items():
                if values["predicted"] != values["measured"]:
                    sys.exit("study-ch4: %s on %s: %s predicted %s, measured %s" % (
                        r["layer"], config, term, values["predicted"], values["measured"]))
        cycles = sum(r["rtl_cycles"] * r["same"] for r in mine)
        if cycles != space[config].cycles:
            sys.exit("study-ch4: %s: predicted %d cycles, measured %d" % (config, space[config].cycles, cycles))
        done[config] = (len(mine), sum(r["rtl_seconds"] for r in mine))
    return done


def front_text(front, done):
    rows = []
    for p in sorted(front, key=lambda p: p.area):
        rows.append([memories(p.config), number(p.cycles), "%.1f" % p.fps, "%.2f" % p.mj,
                     *("%.2f" % part for part in p.parts.values()), "%.2f" % p.area,
                     "all counters, %d layers" % done[p.config][0]])
    return table(["array, scratchpad, accumulator", "cycles", "FPS", "mJ", *("of it " + k for k in front[0].parts), "mm2",
                  "equal on RTL"], *rows)


def implied():
    """Square millimetres of a PE and of a bit: 32x32 takes the printed area, 73 % more than 16x16 with the same memories."""
    total = PRINTED_SPOT["area"] / (1.0 + PRINTED_ARRAY["area_percent"] / 100.0)  # 16x16, 256 KiB, 64 KiB
    array = total * PRINTED_ARRAY["area_percent"] / 100.0 / 3.0  # 32x32 has three more of it
    return array / 256, (total - array) / (8 * 320 * 1024)


def counts(space):
    """How many configurations some rules leave of the space."""
    points = list(space.values())
    large = [p for p in points if p.dim > 8]
    strict = [p for p in large if p.acc < p.spad]
    deep = [p for p in strict if p.acc // (4 * p.dim) >= 512]
    return [("DIM 8 to 64, accumulator not larger than the scratchpad", len(points)),
            ("without 8x8", len(large)),
            ("and accumulator smaller than the scratchpad", len(strict)),
            ("and an accumulator of 512 rows or more, which a 64x64 with 64 KiB has not", len(deep))]


# ---- plots ----

def plot(name, script, *blocks):
    gnuplot(STYLE + "set output '%s/%s.svg'\n" % (PAGE, name) + script + "\n", "".join(blocks))


def plot_layers(found):
    rows = []
    for size in SIZES:
        for layer in (*LAYERS, NETWORK):
            f = found[size, layer]
            rows.append(['"%s %s"' % (layer.replace(NETWORK, "R34"), size), f["rtl"], f["exact"], f["roofline"]])
    plot("layers", "set title 'Cycles: RTL and both predictors'\nset ylabel 'cycles'\nset logscale y\nset yrange [1e4:1e8]\n"
         "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 0.9 noborder\nset boxwidth 0.9\n"
         "set xtics rotate by -40\nplot $d using 2:xtic(1) title 'RTL', $d using 3 title 'exact', $d using 4 title 'roofline'",
         block("d", rows))


def plot_peers(found, others):
    rows = []
    for i, (tool, dataflow, _, _, note) in enumerate(PEER_ROWS):
        unrolled = re.search("im2col given|[YK] x [XCK]", note)
        label = " ".join([tool, dataflow.split()[0]] + ([unrolled[0].replace(" given", "").replace(" x ", "x")] if
                                                         unrolled and tool in ("ZigZag", "MAESTRO") else []))
        rows.append(['"%s"' % label] + [100.0 * (others[i, l][0] / found["16x16", l]["rtl"] - 1.0) for l in (*LAYERS, NETWORK)])
    rows.insert(0, ['"roofline"'] + [100.0 * (found["16x16", l]["roofline"] / found["16x16", l]["rtl"] - 1.0)
                                     for l in (*LAYERS, NETWORK)])
    titles = [l.replace(NETWORK, "ResNet-34") for l in (*LAYERS, NETWORK)]
    plot("peers", "set title 'Error against RTL, 16x16'\nset ylabel 'percent; cut at 120'\nset yrange [-50:120]\n"
         "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 0.9 noborder\nset boxwidth 0.9\n"
         "set xtics rotate by -40\nplot " + ", ".join("$d using %d%s title '%s'" % (i + 2, "" if i else ":xtic(1)", t)
                                                      for i, t in enumerate(titles)), block("d", rows))


def plot_memories(space):
    accs = sorted({p.acc for p in space.values()})
    blocks, curves = [], []
    for colour, dim in zip(("#7050c0", "#3070c0", "#30a060", "#c04040"), (8, 16, 32, 64)):
        for dash, spad in ((1, 256), (2, 2048)):
            points = [space.get("%dx%d-%d-%d" % (dim, dim, spad, a >> 10)) for a in accs]
            blocks.append(block("d%d_%d" % (dim, spad), [[p.acc >> 10, p.cycles * 1e-6] for p in points if p]))
            curves.append("$d%d_%d using 1:2 with linespoints pt %d dt %d lw 2 lc rgb '%s' title '%dx%d, scratchpad %d KiB'" % (
                dim, spad, 7 if dash == 1 else 6, dash, colour, dim, dim, spad))
    plot("memories", "set title 'ResNet-34: memories against array size'\nset xlabel 'KiB of accumulator'\n"
         "set ylabel 'million cycles'\nset logscale x 2\nset logscale y\nset yrange [1:100]\n"
         "set xtics (64,128,256,512,1024,2048)\nplot " + ", ".join(curves), *blocks)


def plot_space(space, front):
    rest = [p for p in valid(space) if p not in front]
    spot = space[PRINTED_SPOT["config"]]
    plot("space", "set title 'ResNet-34 at 700 MHz: %d configurations of %d FPS and more'\n"
         "set xlabel 'mm2 (logic 65 nm, memories 40 nm)'\nset ylabel 'pictures per second'\nset cblabel 'mJ per picture'\n"
         "set logscale x\nset yrange [0:*]\nset xtics (1,2,5,10,20,50)\nset palette defined (0 '#2060c0', 0.5 '#30a060', 1 '#c04040')\nset key inside left top\n"
         "plot $r using 1:2 with points pt 6 ps 0.6 lc rgb '#bbbbbb' title 'dominated', "
         "$f using 1:2:3 with points pt 7 ps 1.2 palette title 'Pareto-optimal', "
         "$s using 1:2 with points pt 6 ps 2.2 lw 2 lc rgb '#000000' title 'sweet spot as printed'" % (
             len(rest) + len(front), FPS),
         block("r", [[p.area, p.fps] for p in rest]), block("f", [[p.area, p.fps, p.mj] for p in front]),
         block("s", [[spot.area, spot.fps]]))


# ---- the page ----

def layers_section(found, others, compared):
    exact = max(abs(f["exact"] - f["rtl"]) for f in found.values())
    if exact != 0:
        sys.exit("study-ch4: the exact predictor is off by up to %d cycles" % exact)
    scale = {l: percent(others[2, l][0], found["16x16", l]["rtl"]) for l in (*LAYERS, NETWORK)}  # SCALE-Sim v2, ws
    off = [100.0 * (others[i, NETWORK][0] / found["16x16", NETWORK]["rtl"] - 1.0) for i in range(len(PEER_ROWS))]
    l3 = found["32x32", "L3"]
    return [
        "## Layers and the whole network (table 4.1, figure 4.16)", "",
        "L1 is 7x7/2 of 3 to 64 channels on 224x224 with max-pooling 3x3/2 on its way to memory, L2 1x1 (of ResNet-50) "
        "and L3 3x3, both of 64 to 64 channels on 56x56. ResNet-34 is all of its convolutions and its classifier, from "
        "the picture to the class, each layer reading what the one before wrote; its additions and its average pool run "
        "on the CPU and are not counted. Scratchpad 256 KiB, accumulator 64 KiB, 128 bits and 32 cycles to memory.", "",
        *layer_text(found),
        "![cycles of RTL and both predictors](study-ch4/layers.svg)", "",
        "`exact` is the RTL's count on all %d results, whose bits are those of the reference operators. The figure's "
        "cycles are not printed as numbers. `roofline` is equations 4.1 to 4.4 as printed, with alpha = 1, since its "
        "value is not given. Where it differs:" % compared, "",
        "- L1: equation 4.1 packs the 147 bytes of the reduction densely into the array's rows. Here a row of the kernel "
        "(7 pixels of 3 channels, 21 bytes) is what lies together in memory; in Gemmini, as the section says, it is the "
        "channels of one pixel. Passes over the array per pixel and filter tile:", "",
        *words_text(),
        "- L2 and L3 on larger arrays: equation 4.2 fetches the ifmap as im2col lays it out, each byte once for every "
        "place of the kernel, over one bus for both directions. Ours fetches each window once (L3 on 32x32: %s beats "
        "read, the equation's rows are %s) and writes over a channel of its own." % (
            number(l3["terms"]["read_beats"]), number(36 * (3136 + 64))),
        "- Fill, drain and waiting for weights are not in the equations.", "",
        "### Without pooling in the model", "",
        *pool_text(found),
        "The section prints a difference of %d %% for its accelerator. Here the walk over the pooling windows runs "
        "beside the next tile's computation and fewer beats are written; what pooling costs is computation: tiles of "
        "pooled rows overlap in rows of the convolution, which are then computed twice." % PRINTED_POOL_PERCENT, "",
        "### Other tools on the same layers, 16x16", "",
        *peer_text(found, others),
        "![error of the other tools](study-ch4/peers.svg)", "",
        "None of them models pooling, so that for L1 both errors are given; none was told this array's memory. Numbers "
        "of the other tools, with versions: `reports/study-ch4/peers.csv`; single runs, repeated layers charged again "
        "where each layer was a run. The additions and pools of ResNet-34 are in none of them. Over all rows ResNet-34 "
        "is %+.1f to %+.1f %% off." % (min(off), max(off)), "",
        "The section says of SCALE-Sim that it is far off on L1, a little low on L2, and right on L3: SCALE-Sim v2, "
        "weight stationary, is %s, %s and %s off here. On all of ResNet-34 it is %s off, since it fills and drains the "
        "array for each of the many short folds of the last stages, which a preload beside the running pass hides." % (
            scale["L1"], scale["L2"], scale["L3"], scale[NETWORK]), ""]


def times_section(found, begin):
    factors = ", ".join("%s %d, printed %d" % (l, round(PRINTED_TIMES[l][1] / PRINTED_TIMES[l][0]), PRINTED_TIMES[l][2])
                        for l in LAYERS)
    return ["### Time it takes (table 4.1)", "",
            "The only numbers of this page that another machine changes. One processor each; `exact` is the best of "
            "five, the search for the mapping included. All runs of this page took %.0f s on %d processors, the building "
            "of the simulated cores not counted." % (time.perf_counter() - begin, os.cpu_count()), "", *times_text(found),
            "The printed model is Python on an AMD EPYC 7702P, the printed cycle-accurate run a Chipyard system with its "
            "CPU in Verilator; ours simulates the accelerator, its bus and its memory, and takes the weights as already "
            "packed. The factors over SCALE-Sim in the printed table are not the quotients of its seconds: %s." % factors, ""]


def memory_section(space, done):
    small, large, wider = space[SMALL], space[LARGE], space[WIDER]
    swept = [p for p in space.values() if p.dim == 16 and 256 <= p.spad >> 10 <= 2048 and p.acc >> 10 <= 1024]
    best, worst = (pick(swept, key=lambda p: p.cycles) for pick in (min, max))
    memory = gain(small, large)
    return ["## Memories against array size (figure 4.17)", "",
            "ResNet-34 on 16x16, million cycles; %d of these %d were run on RTL as well, the two ends among them (next "
            "section):" % (sum(p.config in done for p in swept), len(swept)), "",
            *memory_text(space), "![cycles over memories](study-ch4/memories.svg)", "",
            *table(["from %s KiB on 16x16" % "/".join(SMALL.split("-")[1:]), "faster", "printed", "area", "printed"],
                   ["to 2048/1024 KiB", "%+.1f %%" % memory, "+%.1f %%" % PRINTED_MEMORY["percent"],
                    "%.1fx" % (large.area / small.area), "%.0fx" % PRINTED_MEMORY["area"]],
                   ["to %s, %s KiB, the fastest of the sweep" % (mesh(best.config), "/".join(best.config.split("-")[1:])),
                    "%+.1f %%" % gain(small, best), "", "%.1fx" % (best.area / small.area), ""],
                   ["to 32x32, the same memories", "%+.1f %%" % gain(small, wider), "+%d %%" % PRINTED_ARRAY["percent"],
                    "%+.0f %%" % (100.0 * (wider.area / small.area - 1.0)), "+%d %%" % PRINTED_ARRAY["area_percent"]]),
            "The conclusion is the printed one, more strongly: memories move the cycles by %.1f %% in all, the larger "
            "array by %.0f %% (all four times the multipliers would be 300 %%). The smallest memories keep the "
            "multipliers busy for %.1f %% of all cycles already (by the network's multiply-accumulates), so that no "
            "memory can bring more than %.1f %%; the printed %.1f %% says that the multipliers waited more there. So "
            "does the printed gain from 16x16 to 32x32, which is lower than ours: here reading is hidden, but for the "
            "layers whose weights outweigh their work." % (
                100.0 * (worst.cycles / best.cycles - 1.0), gain(small, wider), 100.0 * small.busy,
                100.0 * (1.0 / small.busy - 1.0), PRINTED_MEMORY["percent"]), "",
            "The areas differ because a PE is %.1f times and a bit of memory %.1f times here what the printed areas imply (see "
            "the end of this page)." % (PE_MM2 / implied()[0], BIT_MM2 / implied()[1]), ""]


def reads(point):
    return sum(t["read_beats"] for t in point.layers)


def space_section(space, front, done):
    points = valid(space)
    pe, bit = implied()

    def area(p):  # as the printed numbers have it
        return p.dim ** 2 * pe + 8 * (p.spad + p.acc) * bit

    as_printed = pareto(points, area)
    whole = pareto(points, fps=lambda p: int(p.fps))
    smallest = min(points, key=lambda p: p.area)
    least = min(points, key=lambda p: p.mj)
    fastest = max(points, key=lambda p: p.fps)
    spot, tight = space[PRINTED_SPOT["config"]], space["32x32-128-64"]
    slow = max((p for p in space.values() if p.dim == 8), key=lambda p: p.fps)
    factor = 1.0 + PRINTED_ARRAY["percent"] / 100.0
    cycles = CLOCK / PRINTED_SPOT["fps"]
    fps = [p.fps for p in points]
    front_fps = [p.fps for p in front]

    def one(p):
        return "%s: %.1f FPS, %.2f mJ, %.2f mm2" % (memories(p.config), p.fps, p.mj, p.area)

    return [
        "## Design space at 700 MHz, %d FPS or more (figure 4.18)" % FPS, "",
        "DIM 8, 16, 32, 64; scratchpad 128 KiB to 4 MiB; accumulator 64 KiB to 2 MiB; powers of two. All are predicted; "
        "the Pareto-optimal ones (pictures per second, energy, area) and those of the sections above were run on RTL, "
        "every distinct layer, %d results: cycles and every other counter as predicted." % sum(n for n, _ in done.values()), "",
        *table(["", "ours", "printed"],
               ["configurations of %d FPS or more" % FPS, len(points), PRINTED_SPACE["points"]],
               ["Pareto-optimal", len(front), PRINTED_SPACE["pareto"]],
               ["Pareto-optimal where only whole pictures per second count", len(whole), ""],
               ["Pareto-optimal with the areas that the printed numbers imply (below)", len(as_printed), ""],
               ["FPS, all", "%.1f to %.1f" % (min(fps), max(fps)), "%d to %d" % PRINTED_SPACE["fps"]],
               ["FPS, Pareto-optimal", "%.1f to %.1f" % (min(front_fps), max(front_fps)),
                "%.1f to %.1f" % PRINTED_SPACE["pareto_fps"]],
               ["fastest 8x8", "%.1f FPS" % slow.fps, "below %d FPS" % FPS],
               ["printed sweet spot, %s: FPS" % memories(spot.config), "%.1f" % spot.fps, PRINTED_SPOT["fps"]],
               ["its energy", "%.2f mJ" % spot.mj, "%.2f J" % PRINTED_SPOT["energy"]],
               ["its area", "%.2f mm2" % spot.area, "%.2f mm2" % PRINTED_SPOT["area"]],
               ["is it on our front?", "yes" if spot in front else "no", "yes"]),
        "![design space](study-ch4/space.svg)", "",
        *front_text(front, done),
        "- Smallest: %s. Least energy: %s. Fastest: %s." % (one(smallest), one(least), one(fastest)),
        "- Most of the front are steps of a tenth of a picture per second, bought with memory; whole pictures leave %d "
        "(that this is near the printed %d is chance)." % (len(whole), PRINTED_SPACE["pareto"]),
        "- The planner chooses for cycles alone. Where reading is hidden it reads more than it would have to: %.1f M "
        "beats for a picture on %s, %.1f M on %s. That is why small arrays cost more energy here." % (
            reads(smallest) * 1e-6, memories(smallest.config), reads(least) * 1e-6, memories(least.config)),
        "- The printed sweet spot takes 256 KiB of scratchpad rather than 128 KiB for the performance. Here 128 KiB "
        "gives %.1f FPS, 256 KiB %.1f; what 256 KiB saves is energy, %.2f against %.2f mJ." % (
            tight.fps, spot.fps, spot.mj, tight.mj), "",
        "### Number of points", "",
        *table(["rule", "configurations"], *counts(space)),
        "The text does not say which rule leaves %d. The last one does, and 30 FPS leave these three sizes here as well; "
        "it is a guess at what Gemmini asks of an accumulator." % PRINTED_SPACE["points"]
        if counts(space)[-1][1] == PRINTED_SPACE["points"] else "The text does not say which rule leaves %d."
        % PRINTED_SPACE["points"], "",
        "### Why the FPS differ", "",
        "- %d FPS at 700 MHz are %.2f M cycles, which keep the 1024 multipliers busy for %.0f %% of the time; ours takes "
        "%.2f M (%.0f %%). Equations 4.1 to 4.4 as printed give %.2f M, %.0f FPS. So the factor of %.1f comes neither "
        "from the array nor from the equations with alpha = 1. It must be in what the text has no number for: alpha of "
        "equation 4.2 (padding and idle phases of the bus), the tiling of Gemmini's loops, its memory." % (
            PRINTED_SPOT["fps"], cycles * 1e-6, 100.0 * spot.busy * spot.cycles / cycles, spot.cycles * 1e-6, 100.0 * spot.busy,
            spot.roofline * 1e-6, CLOCK / spot.roofline, spot.fps / PRINTED_SPOT["fps"]),
        "- The printed numbers do not all fit each other: 217 %% more than 16x16 with the same memories puts that at "
        "%.1f FPS, and 7.3 %% more for the largest memories at %.1f. Both are below %d, so that only 32x32 and 64x64 "
        "would be left, which have %d configurations here, not %d." % (
            PRINTED_SPOT["fps"] / factor, PRINTED_SPOT["fps"] / factor * (1.0 + PRINTED_MEMORY["percent"] / 100.0), FPS,
            len([p for p in space.values() if p.dim >= 32]), PRINTED_SPACE["points"]),
        "- What limits the fastest is reading: %.0f %% of its cycles carry a beat from DRAM, %.0f %% a pass of the array." % (
            100.0 * reads(fastest) / fastest.cycles,
            100.0 * sum(t["compute"] for t in fastest.layers) / fastest.cycles), "",
        "### Energy and area", "",
        "The dissertation takes both from Accelergy with tables that are not available here, so that absolute values "
        "differ; %.2f J at %d FPS would be %.0f W, so that mJ are probably meant. Energy, from the counters of each "
        "layer:" % (
            PRINTED_SPOT["energy"], PRINTED_SPOT["fps"], PRINTED_SPOT["energy"] * PRINTED_SPOT["fps"]), "",
        *table(["part", "accesses", "pJ", "source"],
               ["multiply and add", "`macs_issued`: all multipliers in every cycle of a pass", "%.3f" % PJ_MAC,
                "003, table 2: 32-bit multiplication %.1f, by the product of the widths to 8 bits; 32-bit addition %.1f" % (
                    PJ_MULTIPLY, PJ_ADD)],
               ["scratchpad", "`compute` x DIM bytes of ifmap, `preloads` x DIM x DIM of weights, and all that is read "
                              "from DRAM written once", "%.1f per 32 bits x root(bank / 32 KiB), bank a quarter" % PJ_SRAM,
                "003, table 2, 32-bit access of 32 KB; the root is ours, for the length of lines"],
               ["accumulator", "`compute` rows of DIM x 32 bits read and written (the first of a sum, too), `acc_reads` "
                               "rows read on write-back",
                "the same, bank a half", "as above"],
               ["DRAM", "`read_beats` + `write_beats`, 128 bits", "%.0f per 32 bits" % PJ_DRAM, "003, table 2"]),
        "Leakage, clock, registers of the array and control are left out. Area is %.0f um2 for each PE (a 4x4 int8 mesh "
        "of this project in Yosys 0.23 with the OSU cells of 0.18 um: %s um2; scaled by the square of the node to the %d "
        "nm of 002, section 4.5.1) and %.3f um2 for each bit (%d F2 for a standard 6T cell: "
        "doi:10.1038/s41598-017-12347-x, table 2; at the %d nm of section 4.5.1; without periphery). The printed areas "
        "(%.2f mm2, and 73 %% more than for 16x16) imply %.0f um2 and %.3f um2, with which the largest memories take "
        "%.1f times the area on 16x16 (printed: %.0f)." % (
            1e6 * PE_MM2, number(MESH_UM2), LOGIC_NM, 1e6 * BIT_MM2, CELL_F2, SRAM_NM, PRINTED_SPOT["area"], 1e6 * pe,
            1e6 * bit, area(space[LARGE]) / area(space[SMALL]), PRINTED_MEMORY["area"]), ""]


def main():
    begin = time.perf_counter()
    space = design_space()
    if sys.argv[1:] == ["--cores"]:
        print_cores(space)
        return
    os.makedirs(PAGE, exist_ok=True)
    front = pareto(valid(space))
    found, compared = measure(space)
    done = confirm(space, simulated(space))
    others = peers()
    plot_layers(found)
    plot_peers(found, others)
    plot_memories(space)
    plot_space(space, front)
    page = ["# ResNet-34 on the Gemmini-class array", "",
            "Written by `make study-ch4`, which runs `ws_array` weight stationary, predicts all %d configurations of "
            "`suites/studies/variants/ws_array.yaml` and simulates %d of them. Printed values are those of 002, section "
            "4.5.3." % (
                len(space), len(done)), "",
            *layers_section(found, others, compared), *times_section(found, begin), *memory_section(space, done),
            *space_section(space, front, done)]
    page += ["One configuration by hand: `BITTRUE_SUITES=suites/studies build/bittrue run --suite %s --engine "
             "ref,rtl,cycles --variant ws_array --config %s`." % (SUITE, WIDER), ""]
    with open("reports/study-ch4.md", "w", encoding="utf-8") as file:
        file.write("\n".join(page))
    print("reports/study-ch4.md, %.0f s" % (time.perf_counter() - begin))


if __name__ == "__main__":
    main()
