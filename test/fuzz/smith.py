"""Run sqlsmith against a database with guards, for so many minutes, and judge
by the server's log: no crash, no failed assertion, no internal error raised in
the extension. What else sqlsmith meets with is the server's own."""
import glob
import os
import re
import subprocess
import sys
from pathlib import Path

DATABASE = 'fuzz_smith'
HERE = Path(__file__).parent
SOURCES = {os.path.basename(path) for path in glob.glob('src/*.c')}

CRASH = re.compile(r'^\S.*(?:TRAP: |PANIC: |was terminated by signal).*$', re.MULTILINE)
ERROR = re.compile(r'^\S.*?ERROR:  (?P<state>\w{5}): (?P<message>(?:.*\n)(?:\t.*\n)*)(?P<rest>(?:(?:(?!ERROR: ).)*\n)*?)'
                   r'\S.*?LOCATION:  (?P<function>\w+), (?P<file>[\w.]+):(?P<line>\d+)$', re.MULTILINE)


def run(*command, **kwargs):
    return subprocess.run(command, check=True, **kwargs)


def main(seed, minutes, page):
    pg = os.environ['PGBIN']
    run(f'{pg}/createdb', DATABASE)
    run(f'{pg}/psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', DATABASE, '-f', HERE / 'smith.sql', stdout=subprocess.DEVNULL)
    log = Path(os.environ['FUZZ_LOG'])
    start = log.stat().st_size
    target = f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} user=smith dbname={DATABASE}"
    output = Path(os.environ['FUZZ_FINDINGS']) / 'sqlsmith.log'
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open('w') as out:
        # every query is in its output, the last before a crash too
        subprocess.run(['timeout', f'{minutes}m', 'sqlsmith', f'--target={target}', f'--seed={seed}', '--exclude-catalog', '--dump-all-queries'],
                       stdout=out, stderr=out, check=False)
    with log.open('rb') as server_log:
        server_log.seek(start)
        text = server_log.read().decode('latin-1')

    errors = list(ERROR.finditer(text))
    crashes = CRASH.findall(text)
    internal = [e for e in errors if e['state'].startswith('XX')]
    ours = [e for e in internal if e['file'] in SOURCES or 'booking_guard' in e['rest']]
    raised = [e for e in errors if e['file'] in SOURCES]
    statements = output.read_text(errors='replace').count(';\n')
    with open(page, 'w', encoding='ascii') as out:
        print(f'{minutes} minutes, {statements} statements, seed {seed}: {len(crashes)} crashes or failed assertions, '
              f'{len(ours)} internal errors of the extension. {len(raised)} statements were refused by the extension; '
              f'of {len(errors)} errors in all, {len(internal)} were internal ones of the server.', file=out)
    for line in crashes[:10] + [e[0] for e in ours[:10]]:
        print('>>>', line[:1500])
    return 1 if crashes or ours else 0


sys.exit(main(*sys.argv[1:]))
