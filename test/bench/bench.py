"""Measure the rows whose names are given, or all. BENCH_ROUNDS: rounds of each."""
import os
import sys

import measure
import report
from rows import ROWS


def main(names):
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        raise SystemExit(f'no such row: {" ".join(unknown)}; there are {" ".join(dict.fromkeys(row.name for row in ROWS))}')
    rows = [row for row in ROWS if not names or row.name in names]
    measured = {}
    for row in rows:
        group = row.group
        if group.name not in measured:
            measured[group.name] = measure.measure(group, int(os.environ.get('BENCH_ROUNDS', group.rounds)))
        print(report.line(row, *report.evaluate(row, measured[group.name])), flush=True)


main(sys.argv[1:])
