#!/usr/bin/env python3
"""The study of the simulated system (make study-soc): LeNet-5 and Tiny-Darknet from picture to class, on the CPU alone
and with arrays of 8x8 to 64x64 behind buses of 64 to 512 bits. Writes reports/study-soc.md and its plots.

Source: 002 section 4.5.2, figure 4.13."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # no cache beside the sources
from plot import STYLE, block, gnuplot  # noqa: E402

SIZES = (8, 16, 32, 64)
BUSES = (64, 128, 256, 512)
NETWORKS = ("lenet5", "tiny_darknet")
RTL_SIZES = (8, 16, 32)  # arrays that suites/variants/os_array.yaml has at 128 bits
DISSERTATION_CPU_SECONDS = 653  # Tiny-Darknet in fp32
DISSERTATION_CPU_MIPS = 40
MOVEMENT = ("load", "unpack")

BUILD = os.environ.get("BUILD", "build")
OUT = os.path.join(BUILD, "study-soc")


def run(name, suites, *arguments):
    """One run of the program; its results, and its timelines by file name."""
    out = os.path.join(OUT, name)
    os.makedirs(out, exist_ok=True)
    command = [os.path.join(BUILD, "bittrue"), "run", "--chained", "--network", ",".join(NETWORKS), "--images", "1",
               "--variant", "os_array", "--timeline", out, "--out", out, *arguments]
    log = subprocess.run(command, env={**os.environ, "BITTRUE_SUITES": suites}, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    if log.returncode != 0:
        sys.exit("study-soc: %s\n%s" % (" ".join(command), log.stdout))
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        return json.load(file), out


def parts(path, clock_mhz):
    """Seconds of one timeline by what they went to."""
    with open(path, encoding="utf-8") as file:
        events = [e for e in json.load(file)["traceEvents"] if e["ph"] == "X"]
    cpu = [e for e in events if e["tid"] == 1]
    total = dict.fromkeys(("pack", "movement", "start", "wait", "cpu conv2d", "cpu other", "accelerator"), 0.0)
    for e in cpu:
        kind = e["cat"]
        if kind in MOVEMENT:
            kind = "movement"
        elif kind == "conv2d":
            kind = "cpu conv2d"
        elif kind not in total:
            kind = "cpu other"
        waited = e["args"]["wait_cycles"] / clock_mhz * 1e-6
        if kind == "wait":  # what the CPU does in this step besides: reading the outcome and the counters
            total["wait"] += waited
            kind = "start"
        total[kind] += e["dur"] * 1e-6 - waited
    total["accelerator"] = sum(e["dur"] for e in events if e["tid"] == 2) * 1e-6
    total["whole"] = max(e["ts"] + e["dur"] for e in cpu) * 1e-6
    return total


# Functions of the firmware (harness/firmware/fw_conv2d_s8.c and the like) by what they do; the rest is everything else.
STAGES = (
    ("multiply and accumulate", ("multiply_",)),
    ("requantisation and activation", ("put", "ref_requantise", "ref_saturating", "ref_rounding", "ref_offset")),
    ("im2col: gathering patches", ("gather", "copy_channel", "memcpy", "memset")),
    ("weights into the kernel's order", ("pack_weights", "pack_block")),
    ("loops of the convolution", ("fw_conv2d_s8", "run_packed", "run_direct", "run_plane", "packed_group", "plane_filter",
                                  "direct_group")),
    ("pools", ("fw_maxpool", "ref_avgpool", "ref_pool2d", "ref_maxpool")),
)


def stages(path):
    """Share of the instructions of a run by stage, in percent."""
    with open(path, encoding="utf-8") as file:
        functions = json.load(file)["otherData"]["instructions"]
    whole = sum(functions.values())
    shares = dict.fromkeys([name for name, _ in STAGES] + ["other"], 0.0)
    for function, instructions in functions.items():
        stage = next((name for name, prefixes in STAGES if function.startswith(prefixes)), "other")
        shares[stage] += 100.0 * instructions / whole
    return ["| %s | %.1f |" % (name, share) for name, share in shares.items()], whole


def accel_cycles(results):
    """Start to done of every layer on the accelerator, by network, layer, configuration without its bus."""
    return {(r["network"], r["layer"], r["config"].split("-")[0]): r for r in results["results"]}


def plot_sizes(network, alone, by):
    keys = ("pack", "movement", "start", "wait", "cpu conv2d", "cpu other")
    rows = [['"CPU alone"', *(alone[k] for k in keys)]]
    rows += [['"%dx%d"' % (s, s), *(by[s, 128][k] for k in keys)] for s in SIZES]
    plots = ", ".join("$d using %d:xtic(1) title '%s'" % (i + 2, t) for i, t in enumerate(
        ("weights packed", "data movement", "programming", "waiting for the array", "convolution on the CPU",
         "other operators on the CPU")))
    gnuplot(STYLE + "set output 'reports/study-soc/%s-parts.svg'\nset title '%s: where the time goes, bus of 128 bits'\n"
            "set ylabel 'seconds'\nset logscale y\nset yrange [1e-4:*]\nset style data histogram\n"
            "set style histogram clustered gap 1\nset style fill solid 0.9 noborder\nset boxwidth 0.9\nplot %s\n"
            % (network, network.replace("_", "-"), plots), block("d", rows))


def plot_buses(network, by):
    rows = [[bus, *(by[s, bus]["accelerator"] * 1e3 for s in SIZES)] for bus in BUSES]
    plots = ", ".join("$d using 1:%d with linespoints pt 7 lw 2 title '%dx%d'" % (i + 2, s, s)
                      for i, s in enumerate(SIZES))
    gnuplot(STYLE + "set output 'reports/study-soc/%s-bus.svg'\nset title '%s: time on the array against the width of the bus'\n"
            "set xlabel 'bits'\nset ylabel 'milliseconds on the array'\nset logscale x 2\nset yrange [0:*]\nset xtics (64,128,256,512)\nplot %s\n"
            % (network, network.replace("_", "-"), plots), block("d", rows))


def plot_timeline(network, path):
    """Two tracks, CPU above, array below; one box per step."""
    with open(path, encoding="utf-8") as file:
        events = [e for e in json.load(file)["traceEvents"] if e["ph"] == "X"]
    colours = {"pack": "#b08030", "movement": "#30a060", "start": "#7050c0", "wait": "#dddddd", "cpu": "#c04040",
               "accelerator": "#3070c0"}
    script = STYLE.replace("760,420", "1000,260")
    script += "set output 'reports/study-soc/%s-timeline.svg'\n" % network
    script += "set title '%s on 16x16: who is busy when'\n" % network.replace("_", "-")
    script += "set xlabel 'milliseconds'\nset ytics ('array' 1, 'CPU' 2)\nset yrange [0.5:2.5]\nunset grid\n"
    end = 0.0
    for i, e in enumerate(events):
        kind = e["cat"]
        kind = "movement" if kind in MOVEMENT else kind if kind in colours else "cpu"
        row = 2 if e["tid"] == 1 else 1
        begin, finish = e["ts"] * 1e-3, (e["ts"] + e["dur"]) * 1e-3
        end = max(end, finish)
        script += "set object %d rect from %.6f,%.2f to %.6f,%.2f fc rgb '%s' fs solid noborder\n" % (
            i + 1, begin, row - 0.35, finish, row + 0.35, colours[kind])
    script += "set xrange [0:%.6f]\n" % end
    names = {"pack": "weights packed", "movement": "data movement", "start": "programming", "wait": "waiting",
             "cpu": "operators on the CPU", "accelerator": "array"}
    script += "plot " + ", ".join("NaN with boxes fs solid noborder lc rgb '%s' title '%s'" % (colours[k], names[k])
                                  for k in colours) + "\n"
    gnuplot(script, "")


def table(network, alone, by):
    text = ["| milliseconds | whole | weights packed | data movement | programming | waiting | convolution on CPU | other "
            "operators | array busy | faster than the CPU alone | without packing |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]

    def row(name, p):
        rest = p["whole"] - p["pack"]
        numbers = [p[k] * 1e3 for k in ("whole", "pack", "movement", "start", "wait", "cpu conv2d", "cpu other",
                                        "accelerator")]
        return "| %s | %s | %.1fx | %.1fx |" % (name, " | ".join("%.3f" % n for n in numbers),
                                                 alone["whole"] / p["whole"], alone["whole"] / rest)

    text.append(row("CPU alone", alone))
    for size in SIZES:
        shown = None
        for bus in BUSES:
            if by[size, bus] == shown:
                text[-1] = text[-1].replace(" bits |", ", %d bits |" % bus, 1)
            else:
                text.append(row("%dx%d, %d bits" % (size, size, bus), by[size, bus]))
            shown = by[size, bus]
    return "\n".join(text)


def diminishing(alone, by):
    """Sentences that follow from the numbers."""
    lines = []
    for small, large in zip(SIZES, SIZES[1:]):
        gain = 100.0 * (1.0 - by[large, 128]["whole"] / by[small, 128]["whole"])
        share = 100.0 * (1.0 - by[large, 128]["accelerator"] / by[large, 128]["whole"])
        lines.append("- %dx%d to %dx%d: %.1f %% %s time in all; %dx%d is idle %.1f %% of the time."
                     % (small, small, large, large, abs(gain), "less" if gain >= 0 else "more", large, large, share))
    wide = [s for s in SIZES if by[s, 64]["accelerator"] > 1.01 * by[s, 128]["accelerator"]]  # 1 % or more
    rest = by[SIZES[-1], 128]
    lines.append("- Behind %dx%d the CPU is what takes the time: %.0f %% of it packs weights, %.0f %% is operators that the array "
                 "has not. Packing is done once per network, not once per picture; without it the whole would take about "
                 "%.3f ms." % (SIZES[-1], SIZES[-1], 100 * rest["pack"] / rest["whole"],
                              100 * rest["cpu other"] / rest["whole"], 1e3 * (rest["whole"] - rest["pack"])))
    lines.append("- 64 to 128 bits takes 1 %% or more off the array's time at: %s. 256 and 512 bits change nothing, since the array's own "
                 "port has 128." % (", ".join("%dx%d" % (s, s) for s in wide) or "no size"))
    return "\n".join(lines)


def main():
    os.makedirs("reports/study-soc", exist_ok=True)
    alone_results, alone_dir = run("cpu", "suites/studies", "--config", "16x16-128", "--engine", "ref,iss:sw")
    model, model_dir = run("model", "suites/studies", "--engine", "ref,iss:accel", "--device", "model")
    rtl, _ = run("rtl", "suites", "--engine", "ref,iss:accel,cycles",
                 "--config", ",".join("%dx%d" % (s, s) for s in RTL_SIZES))
    measured = accel_cycles(rtl)
    system = model["run"]["system"]
    compared = 0
    for result in model["results"]:
        size, bus = result["config"].split("-")
        key = (result["network"], result["layer"], size)
        if bus == "128" and key in measured:
            soc = [{k: v for k, v in r["engines"]["iss:accel"]["soc"].items() if k != "host_seconds"}
                   for r in (result, measured[key])]
            if soc[0] != soc[1]:
                sys.exit("study-soc: %s %s on %s: the C model took %s, the RTL %s" % (*key, *soc))
            compared += 1 if soc[0]["accel_cycles"] else 0
    page = ["# LeNet-5 and Tiny-Darknet on a simulated system", "",
            "Written by `make study-soc`. One picture from the input to the class, int8; an RV32IM CPU at %d MIPS, accelerator "
            "and memory at %d MHz (`suites/soc.yaml`). Behind the registers is the array's C model, whose cycles are those of "
            "the RTL: %d layers on %s at 128 bits were run on both and took the same number of cycles in every column."
            % (system["cpu_mips"], system["clock_mhz"], compared, ", ".join("%dx%d" % (s, s) for s in RTL_SIZES)), ""]
    for network in NETWORKS:
        alone = parts(os.path.join(alone_dir, "%s-os_array-16x16-128-sw.trace.json" % network), system["clock_mhz"])
        by = {(s, b): parts(os.path.join(model_dir, "%s-os_array-%dx%d-%d-accel.trace.json" % (network, s, s, b)), system["clock_mhz"])
              for s in SIZES for b in BUSES}
        shares, whole = stages(os.path.join(alone_dir, "%s-os_array-16x16-128-sw.trace.json" % network))
        plot_sizes(network, alone, by)
        plot_buses(network, by)
        plot_timeline(network, os.path.join(model_dir, "%s-os_array-16x16-128-accel.trace.json" % network))
        note = [r["note"] for r in model["results"] if r["network"] == network and r["note"]][0]
        page += ["## %s" % network.replace("_", "-"), "", "%s." % (note[0].upper() + note[1:]), "",
                 table(network, alone, by), "",
                 "The CPU alone, %.1f M instructions by what they do:" % (whole * 1e-6), "",
                 "| stage | %% of instructions |\n|---|--:|\n%s" % "\n".join(shares), "", diminishing(alone, by), "",
                 "![where the time goes](study-soc/%s-parts.svg)" % network,
                 "![time against the width of the bus](study-soc/%s-bus.svg)" % network,
                 "![who is busy when](study-soc/%s-timeline.svg)" % network, ""]
        if network == "tiny_darknet":
            macs = sum(r["macs"] for r in alone_results["results"] if r["network"] == network)
            page += ["Figure 4.13 of the dissertation prints %d s for the CPU alone at %d MIPS, in fp32 on its own firmware: %.0f "
                     "instructions for each of the %.0f million multiply-accumulates. Here it takes %.1f s, %.1f times less: the "
                     "int8 kernels take %.1f instructions for each, everything included, and no floating point."
                     % (DISSERTATION_CPU_SECONDS, DISSERTATION_CPU_MIPS,
                        DISSERTATION_CPU_SECONDS * DISSERTATION_CPU_MIPS * 1e6 / macs, macs * 1e-6, alone["whole"],
                        DISSERTATION_CPU_SECONDS / alone["whole"], whole / macs), ""]
    page += ["The array generates the addresses of its patches itself, so that no im2col is left to the CPU, unlike in the "
             "dissertation's system; on the CPU alone it is part of the convolution, see the stages. The parts of the CPU may overlap with the "
             "array's: weights of the next layer are packed while the array works on this one.", "",
             "Timelines open in Perfetto: `%s/model/tiny_darknet-os_array-16x16-128-accel.trace.json`, after `make study-soc`."
             % "build/study-soc", "",
             "One configuration by hand: `BITTRUE_SUITES=suites/studies build/bittrue run --chained --network lenet5 --variant os_array --config 64x64-256 "
             "--engine 'ref,iss:*' --device model`.", ""]
    with open("reports/study-soc.md", "w", encoding="utf-8") as file:
        file.write("\n".join(page))
    print("reports/study-soc.md")


if __name__ == "__main__":
    main()
