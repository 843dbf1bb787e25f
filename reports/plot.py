"""Plots by gnuplot: one look for all pages."""
import subprocess

STYLE = """set terminal svg size 760,420 font 'sans-serif,13' background '#ffffff'
set border 3
set xtics nomirror
set ytics nomirror
set grid y lc rgb '#dddddd'
set key outside right top
"""


class PlotError(Exception):
    """What gnuplot stopped at."""


def gnuplot(script, data):
    """Warnings, as that of an axis with a single value, are nobody's concern."""
    done = subprocess.run(["gnuplot"], input=data + script, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise PlotError("gnuplot: status %d: %s" % (done.returncode, " ".join(done.stderr.split())))


def block(name, rows):
    return "$%s << EOD\n%s\nEOD\n" % (name, "\n".join(" ".join(str(c) for c in row) for row in rows))
