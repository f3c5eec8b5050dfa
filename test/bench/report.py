"""The results: on the terminal, and in doc/."""
import os
import platform
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
DOC = HERE.parents[1] / 'doc'


class Result:
    """A row's ratio of the medians, and the quartiles of the rounds' own ratios."""

    def __init__(self, row, rounds):
        ratios = [row.ratio(measures) for measures in rounds]
        self.row = row
        self.rounds = len(rounds)
        self.ratio = row.ratio({run: statistics.median(m[run] for m in rounds) for run in rounds[0]})
        self.low, _, self.high = statistics.quantiles(ratios, n=4, method='inclusive') if len(ratios) > 1 else ratios * 3
        self.counted = None

    def is_unclear(self):
        """Whether the ratio is nearer to 1, or to its target, than the noise (the
        notch of a box plot, a 95 % confidence interval of a median), or half
        of the rounds do not agree about the target."""
        target = self.row.target
        noise = 1.57 * (self.high - self.low) / self.rounds ** 0.5
        return target is not None and (self.low <= target <= self.high or
                                       min(abs(self.ratio - 1), abs(self.ratio - target)) < noise)

    def count(self, instructions):
        self.counted = self.row.ratio(instructions)

    def value(self):
        return self.ratio if self.counted is None else self.counted

    def target(self):
        row = self.row
        if row.target is None:
            return ''
        return f'{"at least" if row.at_least else "at most"} {row.target:g}' + \
            (f', stretch {row.stretch:g}' if row.stretch else '')

    def verdict(self):
        row = self.row
        if row.target is None:
            return ''
        for limit, word in ((row.stretch, 'stretch met'), (row.target, 'met')):
            if limit and (self.value() >= limit if row.at_least else self.value() <= limit):
                return word
        return 'MISSED'

    def spread(self):
        return f'{self.low:.3f} .. {self.high:.3f}' if self.rounds > 1 else 'one round'

    def __str__(self):
        counted = '' if self.counted is None else f'{self.counted:.3f}'
        return f'{self.row.title:<116} {self.ratio:6.3f}  {self.spread():>16} {counted:>7}  ' \
            f'{self.target():<24} {self.verdict()}'.rstrip()


HEADER = f"{'work':<116} {'ratio':>6}  {'quartiles':>16} {'counted':>7}  {'target':<24}"


def machine():
    cpu = re.search(r'^model name\s*: (.*)$', Path('/proc/cpuinfo').read_text(), re.M)
    postgres = subprocess.run([f"{os.environ['PGBIN']}/postgres", '--version'], text=True, capture_output=True).stdout
    return f"{postgres.strip()}, {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, {platform.system()}"


def load():
    """How busy the machine is with other things; ask before measuring."""
    return f'{os.getloadavg()[0]:.1f}'


def table(results):
    lines = ['| work | ratio | quartiles | instructions | target | |', '| --- | --- | --- | --- | --- | --- |']
    for r in results:
        counted = '' if r.counted is None else f'{r.counted:.3f}'
        lines.append(f'| {r.row.title.strip()} | {r.ratio:.3f} | {r.spread()} | {counted} | {r.target()} | {r.verdict()} |')
    return '\n'.join(lines)


def plot(results):
    """Bars of what was measured in terms of the target, for gnuplot: y, title,
    value, quartiles, what to write beside it and a colour. Up to 1 is met.
    """
    lines = []
    for y, r in enumerate(r for r in reversed(results) if r.row.target is not None):
        value, *ends = (r.row.target / x if r.row.at_least else x / r.row.target
                        for x in ((r.value(),) * 3 if r.counted else (r.ratio, r.low, r.high)))
        text = f'{r.value():.2f} ({r.target()})'
        lines.append(f'{y} "{r.row.title}" {value} {min(ends)} {max(ends)} "{text}" {0xc0392b if r.verdict() == "MISSED" else 0x2e8b57}')
    return '\n'.join(lines) + '\n'


def write(results, load_before):
    """doc/bench.md and doc/bench.svg."""
    values = {'table': table(results), 'rounds': ', '.join(f'{r.row.name} {r.rounds}' for r in
                                                          {r.row.name: r for r in results}.values()),
              'machine': machine(), 'load': load_before}
    page = (HERE / 'page.md').read_text()
    for name, value in values.items():
        page = page.replace('{{' + name + '}}', value)
    (DOC / 'bench.md').write_text(page)
    with tempfile.NamedTemporaryFile('w') as data:
        data.write(plot(results))
        data.flush()
        subprocess.run(['gnuplot', '-e', f"svg='{DOC}/bench.svg'; data='{data.name}'", HERE / 'plot.gnuplot'], check=True)
