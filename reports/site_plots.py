"""The plots of the site: one gnuplot for all, then SVG that takes its colours from the style sheet."""
import math
import os
import re

from plot import STYLE, block, gnuplot
from site_html import Html, esc
from site_numbers import counts, group, is_whole, roofline_percent, unit_of

SIZE = (620, 360)
LAYER_SIZE = (1040, 380)
SHAPES = (7, 5, 9, 13)  # gnuplot's disc, square, triangle, diamond
HEAD = STYLE.replace(" background '#ffffff'", "") + "set key tmargin center horizontal\nset encoding utf8\n"
# Edges of the bins of the error distribution, in percent.
BINS = ((0, "0"), (1, "to 1"), (5, "to 5"), (10, "to 10"), (25, "to 25"), (50, "to 50"), (100, "to 100"), (math.inf, "more"))


def quoted(text):
    """In single quotes gnuplot reads nothing but the quote; a name must not end the line."""
    return "'%s'" % re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "?", text).replace("'", "''")


def short(text, most=20):
    """At an axis and in a key there is little room; the ends of names differ."""
    return quoted(text if len(text) <= most else "\u2026" + text[1 - most:])


def colour(index):
    """What the clean-up below turns into the style sheet's colour of that number."""
    return "lc rgb '#0000%02x'" % index


def distinct(points, linear=False):
    """Points that would hide each other are drawn once. Axes are logarithmic, but for y where it is linear, in percent."""
    seen = {}
    for x, y in points:
        seen.setdefault((round(60 * math.log10(x)), round(y if linear else 60 * math.log10(y))), (x, y))
    return list(seen.values())


class Plots:
    def __init__(self, folder):
        self.folder = folder
        self.script = []
        self.titles = {}

    def add(self, name, title, size, settings, blocks, plots):
        if not plots:
            return
        self.titles[name] = title
        self.script += ["reset session\n", HEAD, "set terminal svg size %d,%d font 'sans-serif,13' noenhanced\n" % size, *blocks,
                        "set output %s\n" % quoted(self.path(name)), settings, "\nplot ", ", ".join(plots), "\n"]

    def path(self, name):
        return os.path.join(self.folder, name + ".svg")

    def draw(self):
        """SVG by name."""
        if self.titles:
            gnuplot("".join(self.script) + "unset output\n", "")
        found = {}
        for name, title in self.titles.items():
            with open(self.path(name), encoding="utf-8") as file:
                found[name] = cleaned(file.read(), title)
        return found


USE = re.compile(r"\s*<use xlink:href='#gpPt(\d+)' transform='translate\(([-\d.]+),([-\d.]+)\) scale\([\d.]+\)' color='([^']*)'/>")
USES = re.compile(r"(?:\s*<use [^>]*/>)+")
# Markers as short strokes behind "M x y": disc and square by the cap of a very short stroke, triangle, diamond.
MARKERS = {"6": ("h.1", "round"), "4": ("h.1", "square"), "8": ("m-3.6 2.4h7.2l-3.6-6.2z", None),
           "12": ("m-3.6 0l3.6-3.6 3.6 3.6-3.6 3.6z", None)}


def markers(match):
    """A run of markers becomes one path for each colour."""
    paths = {}
    for kind, x, y, ink in USE.findall(match.group(0)):
        paths.setdefault((kind, ink), []).append("M%d %d%s" % (round(float(x)), round(float(y)), MARKERS[kind][0]))
    text = []
    for (kind, ink), points in paths.items():
        cap = MARKERS[kind][1]
        look = 'fill="%s" stroke="none"' % ink
        if cap:
            look = 'fill="none" stroke="%s" stroke-width="%d" stroke-linecap="%s"' % (ink, 6 if cap == "round" else 5, cap)
        text.append('<path %s d="%s"/>' % (look, "".join(points)))
    return "".join(text)


def cleaned(svg, title):
    """gnuplot's SVG to stand in a page: without prologue, identifiers and fonts of its own, colours by name."""
    body = svg[svg.index("<g id=\"gnuplot_canvas\""):]
    body = re.sub(r"<defs>.*?</defs>", "", body, flags=re.S)
    body = USES.sub(markers, body)
    body = re.sub(r"<title>.*?</title>", "", body, flags=re.S)
    body = re.sub(r' (id|font-family|class)="[^"]*"', "", body)
    body = re.sub(r"<tspan\s*>(.*?)</tspan>", r"\1", body)
    body = re.sub(r"<g [^>]*>\s*</g>", "", body)
    body = re.sub(r"<rect [^>]*fill=\"none\"/>", "", body, count=1)
    body = re.sub(r"rgb\( *0, *0, *(\d+)\)", r"var(--c\1)", body)
    body = re.sub(r"([\"'])black\1", r"\1var(--ink)\1", body)
    body = body.replace("rgb(221, 221, 221)", "var(--grid)")  # STYLE's
    body = re.sub(r"\s*\n\s*", " ", body)
    width, height = re.search(r'width="(\d+)" height="(\d+)"', svg).groups()
    return Html('<svg class="plot" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-label="%s">%s'
                % (width, height, width, height, esc(title), body))


# ---- what is plotted ----

def series(results):
    """Results by variant, numbered."""
    return [(i, variant, mine) for i, (variant, mine) in enumerate(group(results, lambda r: r["variant"]).items())]


def style(index):
    return "with points pt %d ps 0.8 %s" % (SHAPES[index % len(SHAPES)], colour(1 + index % 8))


def cycles(plots, results):
    roof = distinct((r["rtl_cycles"], r["roofline_cycles"]) for r in results if r["roofline_cycles"])
    blocks = [block("roof", roof or [("NaN", "NaN")])]
    drawn = ["$roof using 1:2 with points pt 7 ps 0.5 %s title 'roofline'" % colour(9),
             "x with lines lw 1 lc rgb '#dddddd' notitle"]
    for i, variant, mine in series(results):
        points = distinct((r["rtl_cycles"], r["predicted_cycles"]) for r in mine if r["predicted_cycles"])
        if points:
            blocks.append(block("e%d" % i, points))
            drawn.append("$e%d using 1:2 %s title %s" % (i, style(i), short(variant)))
    plots.add("cycles", "Predicted against measured cycles of every gated result, exact predictor by variant, and roofline", SIZE,
              "set logscale xy\nset format '%.0s%c'\nset xlabel 'measured cycles'\nset ylabel 'predicted cycles'",
              blocks, drawn if results else [])


def spread(values):
    """Share of the values in each bin, in percent."""
    count = [0] * len(BINS)
    for value in values:
        count[next(i for i, (edge, _) in enumerate(BINS) if abs(value) <= edge)] += 1
    return [100.0 * c / len(values) if values else 0 for c in count]


def errors(plots, results):
    exact = spread([r["error_percent"] for r in results if r["error_percent"] is not None])
    roof = spread([p for p in map(roofline_percent, results) if p is not None])
    rows = [('"%s"' % label, exact[i], roof[i]) for i, (_, label) in enumerate(BINS)]
    plots.add("errors", "Distribution of the cycle error, exact predictor beside roofline", SIZE,
              "set xlabel 'error, percent of the measured cycles, either sign'\nset ylabel 'results, percent'\nset yrange [0:100]\n"
              "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 1 noborder\nset boxwidth 0.95\n"
              "set xtics scale 0",
              [block("d", rows)], ["$d using 2:xtic(1) %s title 'exact'" % colour(1), "$d using 3 %s title 'roofline'" % colour(9)]
              if results else [])


def scatter(plots, name, title, settings, results, value, linear=False):
    blocks, drawn = [], []
    for i, variant, mine in series(results):
        points = distinct(((r["macs"], value(r)) for r in mine if r["macs"] and value(r)), linear)
        if points:
            blocks.append(block("v%d" % i, points))
            drawn.append("$v%d using 1:2 %s title %s" % (i, style(i), short(variant)))
    axis = "set logscale x\nset format x '%.0s%c'\nset xlabel 'multiply-accumulates of the layer'\n"
    plots.add(name, title, SIZE, axis + settings, blocks, drawn)


def accuracy(plots, rows):
    """The int8 of a network is the same on every variant: the first one's stands for all."""
    first = list({r["network"]: r for r in reversed(rows) if not r["sparsity"] and r["int8"] is not None}.values())[::-1]
    blocks, drawn = [], []
    for k, (name, shift) in enumerate((("float", -0.12), ("int8", 0.12))):
        known = [(i + shift, r[name], r[name + "_low"], r[name + "_high"]) for i, r in enumerate(first) if r[name] is not None]
        if known:
            blocks.append(block(name, [(x, y, y if low is None else low, y if high is None else high) for x, y, low, high in known]))
            drawn.append("$%s using 1:2:3:4 with yerrorbars pt %d ps 0.9 lw 1.5 %s title '%s'"
                         % (name, SHAPES[k], colour(1 + k), name))
    ticks = ", ".join("%s %d" % (short(r["network"]), i) for i, r in enumerate(first))
    plots.add("accuracy", "Accuracy of each network in float and int8, with 95 percent intervals", SIZE,
              "set ylabel 'top-1 or mAP@0.5, percent'\nset xrange [-0.6:%d.6]\nset rmargin 9\nset xtics rotate by -30 left (%s)"
              % (len(first) - 1, ticks), blocks, drawn)


def history(plots, runs):
    blocks, drawn = [], []
    for i, (suite, mine) in enumerate(group([r for r in runs if r["macs"] and r["rtl_seconds"]], lambda r: r["suite"]).items()):
        blocks.append(block("h%d" % i, [(r["run"], 1e-9 * r["macs"] / r["rtl_seconds"]) for r in mine]))
        drawn.append("$h%d using 1:2 with linespoints pt %d ps 0.8 lw 1.5 %s title %s"
                     % (i, SHAPES[i % len(SHAPES)], colour(1 + i % 8), short(suite)))
    plots.add("history", "Simulation speed of each recorded run", SIZE,
              "set xlabel 'run'\nset ylabel 'GMAC/s simulated'\nset yrange [0:*]", blocks, drawn)


def overview(plots, results, accuracy_rows, runs):
    gated = [r for r in results if r["gated"] and r["rtl_cycles"] and r["predicted_cycles"] is not None]
    counted = [r for r in results if counts(r)]
    cycles(plots, gated)
    errors(plots, gated)
    scatter(plots, "utilisation", "Utilisation of the multipliers against the size of the layer, by variant",
            "set ylabel 'utilisation, percent'\nset yrange [0:100<*]", counted, lambda r: 100 * (r["utilisation"] or 0), linear=True)
    scatter(plots, "speed", "Simulation speed against the size of the layer, by variant",
            "set logscale y\nset format y '%.0s%c'\nset ylabel 'MAC/s simulated'",
            counted, lambda r: r["macs"] / r["rtl_seconds"] if r["rtl_seconds"] else 0)
    accuracy(plots, accuracy_rows or [])
    history(plots, runs or [])


def network(plots, name, title, results):
    """Cycles and utilisation of every layer. A layer by itself and the same one in the whole network are not of one axis."""
    variants = list(dict.fromkeys(r["variant"] for r in results))  # one colour on both axes
    plain = [r for r in results if r["pattern"] == "uniform" and not r["stall_percent"]]
    layer_plots(plots, name + ".", title, variants, [r for r in plain if "/" not in r["layer"]])
    layer_plots(plots, name + ".whole-", title + ", whole", variants, [r for r in plain if is_whole(r)])


def layer_plots(plots, name, title, variants, results):
    """On each variant's configuration with the most multipliers. Names of layers stand at the axis where there is room."""
    counted = [r for r in results if counts(r)]
    measured = {r["layer"] for r in counted} | {r["layer"] for r in results if r["verdict"] == "SKIP" and r["macs"]}
    layers = {layer: i for i, layer in enumerate(dict.fromkeys(r["layer"] for r in results if r["layer"] in measured))}
    chosen = []
    for variant, mine in group(counted, lambda r: r["variant"]).items():
        unit = unit_of(max(mine, key=lambda r: r["multipliers"] or 0))
        chosen.append((variants.index(variant), unit, {r["layer"]: r for r in reversed(mine) if unit_of(r) == unit}))
    step = max(1, len(layers) // 48)
    ticks = ", ".join("%s %d" % (short(layer.removeprefix("chained/")), i) for layer, i in layers.items() if i % step == 0)
    axes = "set xtics rotate by -60 left font ',10' (%s)\nset xrange [-0.6:%d.6]\nset bmargin 7\nset rmargin 6\n" % (
        ticks, len(layers) - 1)
    for kind, label, more in (("cycles", "measured cycles", "set logscale y\nset format y '%.0s%c'"),
                              ("utilisation", "utilisation, percent", "set yrange [0:100<*]")):
        blocks, drawn = [], []
        for i, unit, mine in chosen:
            rows = [(x, height(mine[layer], kind) if layer in mine else "NaN") for layer, x in layers.items()]  # a gap at NaN
            blocks.append(block("v%d" % i, rows))
            drawn.append("$v%d using 1:2 with lines lw 1 %s notitle" % (i, colour(1 + i % 8)))
            drawn.append("$v%d using 1:2 %s title %s" % (i, style(i), short("%s %s" % unit, 28)))
        plots.add(name + kind, "%s: %s of every layer" % (title, label), LAYER_SIZE, "%s%s\nset ylabel '%s'" % (axes, more, label),
                  blocks, drawn)


def height(result, kind):
    return result["rtl_cycles"] if kind == "cycles" else 100 * (result["utilisation"] or 0)
