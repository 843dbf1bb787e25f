"""Plots by gnuplot: one look for all pages."""
import subprocess

STYLE = """set terminal svg size 760,420 font 'sans-serif,13' background '#ffffff'
set border 3
set xtics nomirror
set ytics nomirror
set grid y lc rgb '#dddddd'
set key outside right top
"""


def gnuplot(script, data):
    subprocess.run(["gnuplot"], input=data + script, encoding="utf-8", check=True)


def block(name, rows):
    return "$%s << EOD\n%s\nEOD\n" % (name, "\n".join(" ".join(str(c) for c in row) for row in rows))
