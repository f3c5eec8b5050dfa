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

CRASH = re.compile(r'TRAP: |PANIC: |was terminated by signal')
ERROR = re.compile(r'ERROR:  (\w{5}): ')
LOCATION = re.compile(r'LOCATION:  \w+, ([\w.]+):\d+$')
QUERIES = re.compile(r'queries: (\d+)')


def errors(log):
    """Errors of the log, with whatever it says of each: (SQLSTATE, source file, text)."""
    state, text = None, ''
    for line in log:
        if found := ERROR.search(line):
            state, text = found[1], ''
        text += line if len(text) < 10000 else ''
        if state and (found := LOCATION.search(line)):
            yield state, found[1], text
            state = None


def main(seed, minutes, page):
    pg = os.environ['PGBIN']
    subprocess.run([f'{pg}/createdb', DATABASE], check=True)
    subprocess.run([f'{pg}/psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', DATABASE, '-f', HERE / 'smith.sql'], check=True,
                   env=os.environ | {'PGOPTIONS': '-c client_min_messages=error'}, stdout=subprocess.DEVNULL)
    log = Path(os.environ['FUZZ_LOG'])
    start = log.stat().st_size
    target = f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} user=smith dbname={DATABASE}"
    output = Path(os.environ['FUZZ_FINDINGS']) / 'sqlsmith.log'
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open('w', encoding='utf-8') as out:
        subprocess.run(['timeout', f'{minutes}m', 'sqlsmith', f'--target={target}', f'--seed={seed}', '--exclude-catalog', '--verbose'],
                       stdout=out, stderr=out, check=False)
    statements = QUERIES.findall(output.read_text(errors='replace'))

    total = internal = refused = 0
    ours = []
    with log.open(encoding='latin-1') as server_log:
        server_log.seek(start)
        crashes = [line for line in server_log if CRASH.search(line)]
        server_log.seek(start)
        for state, source, text in errors(server_log):
            total += 1
            refused += source in SOURCES
            internal += state.startswith('XX')
            if state.startswith('XX') and (source in SOURCES or 'booking_guard' in text):
                ours.append(text)

    with open(page, 'w', encoding='ascii') as out:
        print(f'{minutes} minutes, {statements[-1] if statements else 0} queries, seed {seed}: {len(crashes)} crashes or failed assertions, '
              f'{len(ours)} internal errors of the extension. {refused} were refused by the extension; '
              f'of {total} errors in all, {internal} were internal ones of the server.', file=out)
    for text in (crashes + ours)[:20]:
        print('>>>', text[:1500])
    return 1 if crashes or ours or not statements else 0


sys.exit(main(*sys.argv[1:]))
