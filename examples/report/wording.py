"""Fills the numbers into the text.

A marker is `{verb figure ...}`; a figure may end in `@2024`. The verbs are the functions below. An unknown
verb or figure stops the rendering: the report never prints a number that is not in data.toml.
"""

import re

from figures import change, rounded

MARKER = re.compile(r"\{([a-z_]+)((?: [\w.@]+)+)\}")


def fill(text, figures):
    """`text` with every marker replaced."""

    def replace(match):
        verb, names = match.group(1), match.group(2).split()
        return VERBS[verb](figures, *names)

    filled = MARKER.sub(replace, text)
    if "{" in filled:
        raise ValueError(f"a marker was not understood: {filled[filled.index('{'):][:60]}")
    return filled


def _amount(figures, name):
    name, _, year = name.partition("@")
    return figures.value(name, int(year or 2025))


def _yi(figures, name):
    return f"{rounded(_amount(figures, name) / 100_000_000):,.2f}亿元"


def _wan(figures, name):
    return f"{rounded(_amount(figures, name) / 10_000):,.2f}万元"


def _yuan(figures, name):
    return f"{_amount(figures, name):,.2f}元"


def _move(figures, name):
    value = figures.growth(name)
    return f"{'增长' if value >= 0 else '下降'}{abs(value):,.2f}%"


def _year_part(name):
    name, _, year = name.partition("@")
    return name, int(year or 2025)


def _share(figures, part, whole):
    part, year = _year_part(part)
    return f"{figures.share(part, whole, year):.2f}%"


def _points(figures, part, whole):
    value = figures.share_points(part, whole)
    return f"{'上升' if value >= 0 else '下降'}{abs(value):.2f}个百分点"


def _margin(figures, name):
    name, year = _year_part(name)
    return f"{figures.margin(name, year):.2f}%"


def _margin_points(figures, name):
    value = figures.margin(name) - figures.margin(name, 2024)
    return f"{'上升' if value >= 0 else '下降'}{abs(value):.2f}个百分点"


def _count(figures, name):
    return f"{_amount(figures, name):,}"


def _volume(figures, name):
    """Units sold in 2025 and the change on 2024."""
    _, unit, _, _, sold, sold_before, _ = figures.data["volumes"][name]
    value = change(sold, sold_before)
    return f"{sold:,}{unit}，同比{'增长' if value >= 0 else '下降'}{abs(value):.2f}%"


def _quarter(figures, name, number):
    return f"{rounded(figures.data['quarters'][name][int(number)] / 100_000_000):.2f}亿元"


def _eps(figures, year):
    return f"{figures.eps(year=int(year)):.2f}元"


def _roe(figures, year):
    return f"{figures.roe(year=int(year)):.2f}%"


def _roe_points(figures, _):
    value = figures.roe() - figures.roe(year=2024)
    return f"{'上升' if value >= 0 else '下降'}{abs(value):.2f}个百分点"


def _per_ten(figures, year):
    return f"{figures.data['shares'][f'dividend_{year}']:.2f}元"


def _holders(figures, name):
    return f"{figures.data['shares'][name]:,}"


VERBS = {
    "yi": _yi, "wan": _wan, "yuan": _yuan, "move": _move, "share": _share, "points": _points,
    "margin": _margin, "margin_points": _margin_points, "count": _count, "volume": _volume,
    "quarter": _quarter, "eps": _eps, "roe": _roe, "roe_points": _roe_points, "per_ten": _per_ten,
    "holders": _holders,
}
