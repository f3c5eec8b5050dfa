"""The table on the terminal."""
import statistics


def evaluate(row, rounds):
    """The ratio of the medians, and the quartiles of the rounds' own ratios."""
    medians = {name: statistics.median(m[name] for m in rounds) for name in rounds[0]}
    ratios = [row.ratio(m) for m in rounds]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return row.ratio(medians), low, high


def verdict(row, ratio):
    if row.target is None:
        return ''
    met = ratio >= row.target if row.at_least else ratio <= row.target
    return 'met' if met else 'MISSED'


def target(row):
    if row.target is None:
        return ''
    text = f'{">=" if row.at_least else "<="} {row.target:g}'
    return text + (f' ({row.stretch:g})' if row.stretch else '')


def line(row, ratio, low, high):
    return f'{row.title[:110]:110} {ratio:6.3f}  {low:6.3f} .. {high:6.3f}  {target(row):12} {verdict(row, ratio)}'
