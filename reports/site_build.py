#!/usr/bin/env python3
"""The site (make report): static pages over the results of runs, to be opened from the file system. Not called site.py, which would
stand in the way of Python's own module of that name.

usage: site_build.py [--out FOLDER] [--accuracy FILE] [--history FILE] [--coverage FILE] [results.json...]"""
import argparse
import os
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True  # no cache beside the sources
import site_pages as pages  # noqa: E402
import site_plots  # noqa: E402
from plot import PlotError  # noqa: E402
from site_html import ASSETS  # noqa: E402
from site_input import Damaged, read_accuracy, read_all, read_coverage, read_history, read_optional  # noqa: E402
from site_numbers import slug  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
STOPS = (signal.SIGINT, signal.SIGTERM)
# Optional inputs: without the option what is here, if it is.
DEFAULTS = {"accuracy": "reports/accuracy/accuracy.json", "history": os.path.join(BUILD, "history.json"),
            "coverage": os.path.join(BUILD, "coverage", "rooms.json")}
MARK = os.path.join("assets", "site.css")  # whose folder this is


def arguments():
    parser = argparse.ArgumentParser(description="The site over the results of runs.")
    parser.add_argument("results", nargs="*", metavar="results.json",
                        help="default: those of the suites all and smoke, as far as they are there")
    parser.add_argument("--out", default="reports/site", metavar="FOLDER", help="default: %(default)s")
    for name, about in (("accuracy", ""), ("history", "what `bittrue history --json` printed; "), ("coverage", "")):
        default = DEFAULTS[name].replace("%", "%%")
        parser.add_argument("--" + name, metavar="FILE", help="%sdefault: %s, if it is there" % (about, default))
    options = parser.parse_args()
    if not options.results:
        known = [os.path.join(BUILD, "out", suite, "results.json") for suite in ("all", "smoke")]
        options.results = [path for path in known if os.path.exists(path)] or known[:1]
    return options


def write(folder, path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)


def build(folder, site):
    shutil.copytree(ASSETS, os.path.join(folder, "assets"), ignore=shutil.ignore_patterns("page.html"))
    with tempfile.TemporaryDirectory() as drawings:
        plots = site_plots.Plots(drawings)
        site_plots.overview(plots, site.results, site.accuracy, site.history)
        for name, results in site.networks.items():
            site_plots.network(plots, slug(name), name, results)
        drawn = plots.draw()
    write(folder, "index.html", pages.overview(site, drawn))
    write(folder, "results.html", pages.all_results(site))
    for name in site.networks:
        write(folder, pages.network_url(name), pages.network(site, name, drawn))
    for network, layer in site.layers:
        write(folder, pages.layer_url(network, layer), pages.layer(site, network, layer))


def put(new, out):
    """The new site in the place of the old one, which comes back where that fails."""
    old = new + ".old"
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # not between the two renames
    try:
        if os.path.isdir(out):
            os.rename(out, old)
        os.rename(new, out)
    except OSError:
        if os.path.isdir(old):
            os.rename(old, out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def main():
    for stop in STOPS:
        signal.signal(stop, lambda number, _: sys.exit(128 + number))  # so that nothing is left behind
    options = arguments()
    out = os.path.realpath(options.out)
    new = None
    try:
        site = pages.Site(read_all(options.results), read_optional(options.accuracy, DEFAULTS["accuracy"], read_accuracy),
                          read_optional(options.history, DEFAULTS["history"], read_history),
                          read_optional(options.coverage, DEFAULTS["coverage"], read_coverage))
        if os.path.lexists(out) and not (os.path.isdir(out) and (not os.listdir(out) or os.path.exists(os.path.join(out, MARK)))):
            raise Damaged("%s: is there and not a site, so it is not replaced" % options.out)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        new = tempfile.mkdtemp(prefix=".%s-" % os.path.basename(out), dir=os.path.dirname(out))
        os.chmod(new, 0o755)
        build(new, site)
        put(new, out)
    except (Damaged, PlotError) as error:
        print("site: %s" % error, file=sys.stderr)
        return 2
    except OSError as error:
        hint = "; ci/bootstrap study installs it" if error.filename == "gnuplot" else ""
        print("site: %s: %s%s" % (error.filename, error.strerror, hint), file=sys.stderr)
        return 2
    finally:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)
    print(os.path.join(options.out, "index.html"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
