"""Synthesis with Yosys to the cells of OSU's 0.18 um library (package group `area`), for ci/area and reports/study_tactical.py."""
import os
import re
import subprocess

LIBERTY = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"


class Failed(Exception):
    """Yosys did not get through; its last words."""


def synthesise(log, read, memories, before="", seconds=None):
    """Area in um2, number of cells, and what was printed.

    read      commands up to the elaborated top
    memories  what becomes of the $mem_v2 cells, one for each array that the RTL declares
    before    what is done before operators become gates
    Raises subprocess.TimeoutExpired after so many seconds.
    """
    script = "; ".join(filter(None, (
        read, "proc; opt_clean; memory -nomap; opt_clean", memories, "opt_clean; opt -full; wreduce; opt_clean; stat", before,
        "alumacc; opt; techmap; opt; dfflibmap -liberty %s; abc -liberty %s; opt_clean; stat -liberty %s" % (LIBERTY, LIBERTY, LIBERTY))))
    os.makedirs(os.path.dirname(log), exist_ok=True)
    done = subprocess.run(["yosys", "-q", "-l", log, "-p", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=seconds)
    with open(log, encoding="utf-8") as file:
        text = file.read()
    areas = re.findall(r"Chip area for (?:top )?module .*: ([\d.]+)", text)
    cells = re.findall(r"Number of cells: +(\d+)", text)
    if done.returncode != 0 or not areas or not cells:
        raise Failed(done.stdout[-2000:])
    return float(areas[-1]), int(cells[-1]), text
