#!/usr/bin/env python3
"""The accuracy report (make accuracy): every trained network on every variant, float beside int8, layer by layer, and what the
ways of calibrating are worth. Writes reports/accuracy.md, .json, .csv and plots."""
import csv
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # no cache beside the sources
from plot import STYLE, block, gnuplot  # noqa: E402
from study_ch4 import table as lines_of  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
OUT = os.path.join(BUILD, "out", "accuracy")
PAGE = "reports/accuracy"
PROGRAM = os.path.join(BUILD, "bittrue")
SUITE = "suites/accuracy.yaml"
CARDS = "suites/models"
# Each with and without moving scales and correcting biases.
METHODS = ("min_max", "mse", "kl")
CALIBRATED = ("lenet5_digits", "resnet8_shapes", "squeezenet_shapes", "yolo_scenes", "lenet5_mnist", "yolo_fastest_coco",
              "squeezenet1_1_own")


def run(line):
    log = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if log.returncode not in (0, 1):
        sys.exit("accuracy: %s\n%s" % (" ".join(line), log.stdout))
    return log.returncode


def results(path):
    with open(os.path.join(path, "results.json"), encoding="utf-8") as file:
        return json.load(file)["results"]


def table(head, rows):
    return "\n".join(lines_of(head, *rows)) + "\n"


def percent(of, detects):
    """Top-1 with its interval, or mAP@0.5."""
    if of is None:
        return "-"
    if detects:
        return "%.2f" % (100 * of["map_50"])
    top1 = of["top1"]
    return "%.2f (%.2f to %.2f)" % (top1["percent"], top1["low"], top1["high"])


def number(of, detects):
    return None if of is None else 100 * of["map_50"] if detects else of["top1"]["percent"]


def detects(accuracy):
    return "boxes" in accuracy


def row(result):
    a = result["accuracy"]
    d = detects(a)
    agree = "-" if d or a["agree_top1"] is None else "%d, %d" % (a["agree_top1"], a["agree_top5"])
    return (result["network"], result["variant"] + " " + result["config"], a["images"], percent(a["float"], d),
            percent(a["int8"], d), "-" if a["drop_points"] is None else "%.2f" % a["drop_points"], agree, a["compared"]["model"],
            a["compared"]["rtl"], result["verdict"])


def flat(result):
    a = result["accuracy"]
    d = detects(a)
    top5 = {k: None if d or a[k] is None else a[k]["top5"]["percent"] for k in ("float", "int8")}
    bounds = {k + e: None if d or a[k] is None else a[k]["top1"][e] for k in ("float", "int8") for e in ("low", "high")}
    maps = {k: None if not d or a[k] is None else 100 * a[k]["map_50_95"] for k in ("float", "int8")}
    return {"network": result["network"], "variant": result["variant"], "config": result["config"],
            "sparsity": result["sparsity"], "measure": "mAP@0.5" if d else "top-1", "images": a["images"],
            "labelled": a["labelled"], "float": number(a["float"], d), "float_low": bounds["floatlow"],
            "float_high": bounds["floathigh"], "int8": number(a["int8"], d), "int8_low": bounds["int8low"],
            "int8_high": bounds["int8high"], "drop": a["drop_points"], "max_drop_points": a["max_drop_points"],
            "float_top5": top5["float"], "int8_top5": top5["int8"],
            "float_map_50_95": maps["float"], "int8_map_50_95": maps["int8"], "agree_top1": a.get("agree_top1"),
            "agree_top5": a.get("agree_top5"), "model_images": a["compared"]["model"], "rtl_images": a["compared"]["rtl"],
            "verdict": result["verdict"]}


def write_tables(measured):
    os.makedirs(PAGE, exist_ok=True)
    rows = [flat(r) for r in measured]
    with open(PAGE + "/accuracy.json", "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")
    with open(PAGE + "/accuracy.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def layers_of(all_results, network):
    """Of one variant: the layers' numbers are the network's."""
    mine = [r for r in all_results if r["network"] == network and r["quantisation"] is not None and r["sparsity"] == 0]
    first = [r for r in mine if r["variant"] == mine[0]["variant"]]
    return [(r["layer"].split("/", 1)[1], r["quantisation"]) for r in first]


def plot_sqnr(network, layers):
    rows = [(i, '"%s"' % name, "%.2f" % q["sqnr_db"]) for i, (name, q) in enumerate(layers)]
    step = max(1, len(rows) // 40)
    ticks = ",".join("'%s' %d" % (name.replace("_", " "), i) for i, (name, _) in enumerate(layers) if i % step == 0)
    gnuplot(STYLE + "set output '%s/%s.svg'\nset title 'Signal to quantisation noise of each layer, %s'\nset yrange [0:*]\n"
            "set ylabel 'SQNR, dB'\nset xtics rotate by -60 left font ',9' (%s)\nset xrange [-0.6:%d.6]\nset boxwidth 0.8\n"
            "set style fill solid 0.9 noborder\nset bmargin 11\nplot $d using 1:3 with boxes lc rgb '#4878a8' notitle\n" %
            (PAGE, network, network.replace("_", " "), ticks, len(rows) - 1), block("d", rows))


def calibrate(network, method, extra):
    with open("%s/%s.yaml" % (CARDS, network), encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("stated:")]
    # One line of the card says how it is calibrated; its pictures stay.
    kept = [part for line in lines if line.startswith("calibration:") for part in line.strip()[len("calibration: {"):-1].split(", ")
            if part.split(":")[0] in ("images", "dataset")]
    text = "calibration: {method: %s, equalise: %s, bias_correction: %s, %s}\n" % (method, extra, extra, ", ".join(kept))
    folder = os.path.join(OUT, "cards", "models")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, network + ".yaml")
    root = os.path.abspath("golden/models")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(text if line.startswith("calibration:") else line.replace("../../golden/models", root) for line in lines)
    networks = os.path.join(OUT, "cards", "networks")
    if not os.path.exists(networks):
        os.symlink(os.path.abspath("suites/networks"), networks)
    out = os.path.join(OUT, "calibration")
    run([PROGRAM, "run", "--chained", "--model", path, "--accuracy", "0", "--images", "1", "--engine", "ref", "--variant",
         "ws_array", "--config", "16x16", "--out", out])
    accuracy = results(out)[-1]["accuracy"]
    if accuracy is None:
        return None, "-"
    d = detects(accuracy)
    value = number(accuracy["int8"], d)
    return accuracy, "%.2f" % value if value is not None else "%d of %d" % (accuracy["agree_top5"], accuracy["images"])


def calibration_table():
    rows = []
    for network in CALIBRATED:
        cells = []
        accuracy = None
        for extra in ("false", "true"):
            for method in METHODS:
                measured, text = calibrate(network, method, extra)
                accuracy = measured or accuracy
                cells.append(text)
        if accuracy is None:
            continue
        value = number(accuracy["float"], detects(accuracy))
        rows.append((network, "%.2f" % value if value is not None else "same five classes", *cells))
    return rows


def main():
    status = run([PROGRAM, "run", "--suite", SUITE, "--out", OUT])
    all_results = results(OUT)
    measured = [r for r in all_results if r["accuracy"] is not None]
    skipped = sorted({r["network"] for r in all_results if r["layer"] == "chained/accuracy" and r["accuracy"] is None})
    write_tables(measured)
    networks = list(dict.fromkeys(r["network"] for r in measured))
    text = ["# Accuracy: float beside int8, on every variant\n\n`make accuracy` rebuilds this page. `int8` is the reference; the "
            "variant's bit-true model gave the same bits in every tensor on as many pictures as \"model\" says, RTL on as many as "
            "\"RTL\" says: so their accuracy is that of `int8`, not another one. Top-1 in percent with Wilson's 95 % interval; of "
            "detectors mAP@0.5 by COCO's definition. \"same\": pictures on which float and int8 name the same class, and the same "
            "five. [JSON](accuracy/accuracy.json), [CSV](accuracy/accuracy.csv).\n"]
    head = ("network", "variant", "pictures", "float", "int8", "drop", "same", "model", "RTL", "verdict")
    text.append("\n## Networks and variants\n\n" + table(head, [row(r) for r in measured if r["sparsity"] == 0]))
    if skipped:
        text.append("\nNot here, since the data folder is missing: %s.\n" % ", ".join(skipped))
    pruned = [r for r in measured if r["sparsity"] != 0]
    if pruned:
        text.append("\n## Half of the weights pruned\n\nBy magnitude, not trained again; float keeps all its weights.\n\n" +
                    table(head, [row(r) for r in pruned]))
    text.append("\n## Ways of calibrating\n\nAccuracy of int8 in percent (of `squeezenet1_1_own`, which has no labels: pictures of "
                "five on which float and int8 name the same five classes). The second three columns move scales between layers "
                "(equalisation) and correct biases.\n\n" +
                table(("network", "float", *METHODS, *("%s, both" % m for m in METHODS)), calibration_table()))
    text.append("\n## Layer by layer\n\nSignal to quantisation noise over all pictures, clipped values in parts per million.\n")
    for network in networks:
        layers = layers_of(all_results, network)
        if not layers:
            continue
        plot_sqnr(network, layers)
        worst = sorted(layers, key=lambda item: item[1]["sqnr_db"])[:5]
        text.append("\n### %s\n\n![%s](accuracy/%s.svg)\n\nThe five that lose most:\n\n" % (network, network, network) + table(
            ("layer", "SQNR, dB", "real values", "step", "clipped, ppm"),
            [(name, "%.1f" % q["sqnr_db"], "%.3g to %.3g" % (q["low"], q["high"]), "%.3g" % q["scale"],
              "%.0f" % (1e6 * q["clipped"])) for name, q in worst]))
    with open("reports/accuracy.md", "w", encoding="utf-8") as file:
        file.write("".join(text))
    print("reports/accuracy.md")
    return status


if __name__ == "__main__":
    sys.exit(main())
