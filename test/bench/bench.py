"""Measure the rows whose names are given, or all. BENCH_ROUNDS: rounds of each."""
import os
import sys

import report
from instructions import instructions
from measure import DIR, SERVER, command, measure
from rows import ROWS


def main(names):
    known = list(dict.fromkeys(row.name for row in ROWS))
    if unknown := set(names) - set(known):
        raise SystemExit(f'no such row: {" ".join(sorted(unknown))}; there are: {" ".join(known)}')
    rows = [row for row in ROWS if not names or row.name in names]

    load = report.load()
    print(f'The load of this machine is {load} before measuring; the lower, the better.\n\n{report.HEADER}')
    rounds = {}
    results = []
    for row in rows:
        group = row.group
        if group.name not in rounds:
            rounds[group.name] = measure(group, int(os.environ.get('BENCH_ROUNDS', group.rounds)))
        results.append(report.Result(row, rounds[group.name]))
        print(results[-1], flush=True)

    command(SERVER, 'stop', DIR)
    print('\nInstructions are counted where the clock cannot tell:', flush=True)
    counted = {}
    for result in results:
        group = result.row.group
        if result.is_unclear() and group.few:
            if group.name not in counted:
                counted[group.name] = instructions(group)
            result.count(counted[group.name])
            print(result, flush=True)
    if not names:
        report.write(results, load)


main(sys.argv[1:])
