"""Count the instructions of a group's runs, less of the same work in a process
without a server, under callgrind: for ratios that the clock cannot tell.
"""
import re
import subprocess

from measure import DIR, SERVER, fill


def count(group, run, passes):
    work = [run.count] if run.count else ['BEGIN;', *[run.work] * run.repeat, 'ROLLBACK;']
    script = [f'SET search_path = {run.peer}, public;', *run.before, *work, *run.before]
    if passes == 2:
        script += work
    lines = ''.join(' '.join(fill(sql, group.few).split()) + '\n' for sql in script)
    done = subprocess.run([SERVER, 'single', DIR, group.name, 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null'],
                          input=lines, text=True, capture_output=True)
    if done.returncode != 0 or 'ERROR:' in done.stderr:
        raise SystemExit(f'{lines}\n{done.stdout}{done.stderr}')
    return int(re.search(r'Collected : ([0-9]+)', done.stderr)[1])


def instructions(group):
    """What each run takes once everything is warm: a second time, less the first."""
    return {name: count(group, run, 2) - count(group, run, 1) for name, run in group.runs.items()}
