"""The report's numbers: reads data.toml and works out every total and ratio.

Amounts are `Decimal` yuan with two places. A figure is named by its section and key, for example
`income.revenue` or `notes.selling.pay`, and has a value for 2025 and one for 2024. Totals are named
`total.*`. Nothing here rounds an amount; ratios are rounded once, half up, where they are written.
"""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
import tomllib

DATA = Path(__file__).with_name("data.toml")
YEARS = (2025, 2024)
ZERO = Decimal("0.00")
# Where a line is explained: the number of the note in chapter seven of the financial report.
NOTES = {
    "balance.cash": 1, "balance.receivables": 2, "balance.inventories": 3, "balance.fixed_assets": 4, "balance.construction": 5, "balance.short_borrowings": 6,
    "balance.payables": 7, "balance.long_borrowings": 8, "balance.retained": 9, "income.revenue": 10, "income.cost": 10, "income.selling": 11, "income.admin": 12,
    "income.research": 13, "income.finance": 14, "income.other_income": 15, "income.invest": 16, "income.impairment": 17, "income.tax": 18, "total.eps": 19,
}


def rounded(value, places=2):
    """`value` with `places` decimals, half up, as printed reports do."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


class Figures:
    """All amounts of one data file, with the totals computed from them."""

    def __init__(self, path=DATA):
        with open(path, "rb") as file:
            self.data = tomllib.load(file, parse_float=Decimal)
        self.pairs = {}
        for name in ("income", "balance", "cash"):
            for rows in self.data[name].values():
                self._take(name, rows)
        for name in ("indirect", "nonrecurring", "timing", "research", "parties", "people"):
            self._take(name, self.data[name])
        for name, rows in self.data["notes"].items():
            if all(len(row) == 3 for row in rows.values()):
                self._take(f"notes.{name}", rows)
        self._totals()

    def _take(self, section, rows):
        for key, row in rows.items():
            self.pairs[f"{section}.{key}"] = (row[1], row[2])

    def value(self, name, year=2025):
        """The amount of `name` in `year`; KeyError names a figure that does not exist."""
        return self.pairs[name][YEARS.index(year)]

    def rows(self, section):
        """The rows of a section as (key, label, 2025, 2024), in the file's order."""
        node = self.data
        for part in section.split("."):
            node = node[part]
        return [(key, row[0], row[1], row[2]) for key, row in node.items()]

    def wide(self, section):
        """The rows of a section with more columns, as (key, label, [values])."""
        node = self.data
        for part in section.split("."):
            node = node[part]
        return [(key, row[0], list(row[1:])) for key, row in node.items()]

    def sum(self, *sections):
        """Both years' sums over whole sections."""
        rows = [row for section in sections for row in self.rows(section)]
        return tuple(sum((row[2 + i] for row in rows), ZERO) for i in (0, 1))

    def _put(self, name, pair):
        self.pairs[f"total.{name}"] = tuple(pair)

    def _totals(self):
        plus = lambda a, b: tuple(x + y for x, y in zip(a, b))
        minus = lambda a, b: tuple(x - y for x, y in zip(a, b))
        pair = self.pairs.__getitem__

        self._put("costs", self.sum("income.costs"))
        gains = self.sum("income.gains")
        self._put("operating_profit", plus(minus(pair("income.revenue"), pair("total.costs")), gains))
        before = plus(pair("total.operating_profit"), pair("income.nonop_in"))
        self._put("profit_before_tax", minus(before, pair("income.nonop_out")))
        self._put("net_profit", minus(pair("total.profit_before_tax"), pair("income.tax")))
        self._put("oci", self.sum("income.comprehensive"))
        self._put("comprehensive", plus(pair("total.net_profit"), pair("total.oci")))
        self._put("comprehensive_parent", plus(pair("income.attributable"), pair("total.oci")))
        self._put("gross_profit", minus(pair("income.revenue"), pair("income.cost")))
        period = (0, 0)
        for key in ("selling", "admin", "research", "finance"):
            period = plus(period, pair(f"income.{key}"))
        self._put("period_expenses", period)
        self._put("nonrecurring_gross", self.nonrecurring_gross())
        taken = plus(pair("nonrecurring.tax"), pair("nonrecurring.minority"))
        self._put("nonrecurring", plus(pair("total.nonrecurring_gross"), taken))
        self._put("recurring", minus(pair("income.attributable"), pair("total.nonrecurring")))

        for side in ("current_assets", "noncurrent_assets", "current_liabilities", "noncurrent_liabilities"):
            self._put(side, self.sum(f"balance.{side}"))
        self._put("assets", plus(pair("total.current_assets"), pair("total.noncurrent_assets")))
        self._put("liabilities", plus(pair("total.current_liabilities"), pair("total.noncurrent_liabilities")))
        self._put("equity_parent", self.sum("balance.equity"))
        self._put("equity", plus(pair("total.equity_parent"), pair("balance.minority")))
        self._put("liabilities_and_equity", plus(pair("total.liabilities"), pair("total.equity")))

        net = pair("cash.exchange")
        for kind in ("operating", "investing", "financing"):
            self._put(f"{kind}_in", self.sum(f"cash.{kind}_in"))
            self._put(f"{kind}_out", self.sum(f"cash.{kind}_out"))
            self._put(f"{kind}_cash", minus(pair(f"total.{kind}_in"), pair(f"total.{kind}_out")))
            net = plus(net, pair(f"total.{kind}_cash"))
        self._put("net_cash", net)
        self._put("closing_cash", plus(net, pair("cash.opening")))
        self._put("research", plus(pair("income.research"), pair("research.capitalised")))
        products = [row for _, _, row in self.wide("products")]
        main = products[:-1]
        self._put("main_revenue", (sum(r[0] for r in main), sum(r[2] for r in main)))
        self._put("main_cost", (sum(r[1] for r in main), sum(r[3] for r in main)))
        for section in ("products", "regions", "channels"):
            for key, _, row in self.wide(section):
                self.pairs[f"{section}.{key}"] = (row[0], row[2])
                self.pairs[f"{section}.{key}.cost"] = (row[1], row[3])
        for key, _, row in self.wide("notes.construction"):
            self.pairs[f"construction.{key}"] = (row[1] + row[2] - row[3], row[1])
        per_ten = self.data["shares"]["total"] / Decimal(10)
        shares = self.data["shares"]
        self._put("dividend", (per_ten * shares["dividend_2025"], per_ten * shares["dividend_2024"]))

    def nonrecurring_gross(self):
        """The non-recurring items before tax and minority interests."""
        rows = [row for row in self.rows("nonrecurring") if row[0] not in ("tax", "minority")]
        return tuple(sum(row[2 + i] for row in rows) for i in (0, 1))

    # Ratios, all as Decimal percentages.

    def growth(self, name):
        """Change of 2025 on 2024 in percent, of the size of the 2024 amount."""
        now, before = self.pairs[name]
        return change(now, before)

    def share(self, part, whole, year=2025):
        """`part` in percent of `whole` in the same year."""
        return rounded(self.value(part, year) / self.value(whole, year) * 100)

    def share_points(self, part, whole):
        """How many points that share moved, taken from the printed (rounded) shares."""
        return self.share(part, whole) - self.share(part, whole, 2024)

    def margin(self, name, year=2025):
        """Gross margin of a product, region or channel in percent."""
        revenue, cost = self.value(name, year), self.value(f"{name}.cost", year)
        return rounded((revenue - cost) / revenue * 100)

    def eps(self, name="income.attributable", year=2025):
        """Earnings per share in yuan; no share was issued or bought back in the year."""
        return rounded(self.value(name, year) / self.data["shares"]["total"])

    def roe(self, name="income.attributable", year=2025):
        """Weighted average return on equity in percent; dividends were paid in June (month 6)."""
        columns = self.equity_columns()
        opening = sum(columns[f"opening{year}"][:5])
        paid = -sum(columns[f"dividends{year}"][:5])
        other = columns[f"income{year}"][2] + columns[f"shares{year}"][1]
        weighted = opening + self.value("income.attributable", year) / 2 + other / 2 - paid * 6 / 12
        return rounded(self.value(name, year) / weighted * 100)

    def equity_columns(self):
        """The statement of changes: movements as given, with opening and closing of both years."""
        columns = {key: values for key, _, values in self.wide("equity")}
        for year in (2024, 2025):
            if year == 2025:
                columns["opening2025"] = columns["closing2024"]
            moves = [v for k, v in columns.items() if k.endswith(str(year))]
            columns[f"closing{year}"] = [sum(column) for column in zip(*moves)]
        return columns



def change(now, before):
    """Change of `now` on `before` in percent with two decimals."""
    return rounded((Decimal(now) - Decimal(before)) / abs(Decimal(before)) * 100)


def money(amount):
    """`51,240,000,000.00`; a zero is printed as a dash."""
    return "-" if amount == 0 else f"{amount:,.2f}"


def percent(value):
    """A percentage as printed in tables: two decimals, no sign of its own."""
    return f"{value:,.2f}"
