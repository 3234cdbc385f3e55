#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn the CSVs of bench_allocators (or bench_modes.sh) into a report to look at: one HTML file that needs nothing else, and
a PNG of each figure. Shows latencies, the ladder of features with what was promised and what was measured, time against
memory, system calls, and, from the files of bench_learning, ratings as they develop and what learning costs against the best
fixed strategy. What there is no data for is named instead of drawn. Needs matplotlib (python3-matplotlib)."""

import argparse
import os
import sys

sys.dont_write_bytecode = True
import modes_data  # noqa: E402
from modes_data import refuse  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.csv", help="of bench_allocators --output; several are put together")
    parser.add_argument("--learning", metavar="FILE.csv", help="of bench_learning --output: draws the regret")
    parser.add_argument("--ratings", metavar="FILE", help=(
        "of bench_learning --ratings (FILE.csv), or what hakmemctl log --json printed (FILE.json): draws the ratings"))
    parser.add_argument("--output", metavar="FILE.html", help="the report")
    parser.add_argument("--png", metavar="DIR", help="a PNG of each figure that has data, in this folder, made if need be")
    options = parser.parse_args()
    if not options.output and not options.png:
        parser.error("nothing to write: say --output FILE.html, --png DIR or both")
    return options


def write(options, data, targets, figures):
    import modes_page
    import modes_plots

    if options.png:
        os.makedirs(options.png, exist_ok=True)
        for figure in figures:
            if figure.panels:
                modes_plots.png(figure, os.path.join(options.png, figure.name + ".png"))
    if options.output:
        text = modes_page.page(data, targets, figures)
        with open(options.output, "w", encoding="utf-8") as file:
            file.write(text)


def main():
    options = parse_arguments()
    try:
        import modes_figures
        import modes_targets
    except ImportError as error:
        refuse(f"{error}; install Debian's python3-matplotlib, and let that python run it: /usr/bin/python3 {sys.argv[0]} …")
    try:
        data = modes_data.Data(options.files)
        learned = modes_data.Learning(options.learning) if options.learning else None
        ratings = modes_data.Ratings(options.ratings) if options.ratings else None
    except modes_data.Refused as error:
        refuse(error)
    targets = modes_targets.targets(data, learned)
    figures = modes_figures.figures(data, learned, ratings)
    try:
        write(options, data, targets, figures)
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}; name a place that can be written")
    for target in targets:
        print(f"{target.state:<8} {modes_data.label(target.who):<28} {target.promise}: {target.measured}")
    for figure in figures:
        if not figure.panels:
            print(f"not drawn: {figure.title}. {figure.missing}")


if __name__ == "__main__":
    main()
