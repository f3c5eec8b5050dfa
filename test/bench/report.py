"""The results: on the terminal, and in doc/."""
import statistics


class Result:
    """A row's ratio of the medians, and the quartiles of the rounds' own ratios."""

    def __init__(self, row, rounds):
        ratios = [row.ratio(measures) for measures in rounds]
        self.row = row
        self.rounds = len(rounds)
        self.ratio = row.ratio({run: statistics.median(m[run] for m in rounds) for run in rounds[0]})
        self.low, _, self.high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        self.counted = None

    def is_unclear(self):
        """Whether the ratio is nearer to 1, or to its target, than the noise."""
        noise = self.high - self.low
        return self.row.target is not None and \
            min(abs(self.ratio - 1), abs(self.ratio - self.row.target)) < noise

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
        return f'{self.low:.3f} .. {self.high:.3f}'

    def __str__(self):
        counted = '' if self.counted is None else f'{self.counted:.3f}'
        return f'{self.row.title:<116} {self.ratio:6.3f}  {self.spread():>16} {counted:>6}  ' \
            f'{self.target():<24} {self.verdict()}'.rstrip()


def write(results):
    pass
