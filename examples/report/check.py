"""Checks that the sample report adds up, and that questions.json names the right pages.

Exits with 1 and one sentence per fault. Needs Python 3.11 alone for the numbers; with `pdftotext` (poppler-utils)
it also reads the rendered report, and says so when it cannot.

    python check.py [report.pdf]
"""

from decimal import Decimal
import json
from pathlib import Path
import re
import shutil
import subprocess
import sys

from figures import NOTES, Figures, money

HERE = Path(__file__).parent
PDF = HERE.parent / "annual-report-2025.pdf"


class Faults:
    """Collects sentences about what does not add up."""

    def __init__(self):
        self.found, self.n_checks = [], 0

    def same(self, what, left, right):
        self.n_checks += 1
        if left != right:
            self.found.append(f"{what}: {left:,} is not {right:,} (off by {left - right:,}).")

    def true(self, sentence, holds):
        self.n_checks += 1
        if not holds:
            self.found.append(f"It should hold that {sentence}.")


def column(figures, section, index):
    return sum(values[index] for _, _, values in figures.wide(section))


def statements(f, faults):
    """Balance sheet, income statement, cash flow and equity agree with each other and with [stated]."""
    stated = {row[0]: row[2:] for row in f.rows("stated")}
    computed = {"total_assets": "assets", "total_liabilities": "liabilities", "equity_parent": "equity_parent", "total_equity": "equity", "operating_profit": "operating_profit",
                "profit_before_tax": "profit_before_tax", "net_profit": "net_profit", "recurring": "recurring", "operating_cash": "operating_cash",
                "investing_cash": "investing_cash", "financing_cash": "financing_cash", "net_cash": "net_cash", "closing_cash": "closing_cash"}
    equity = f.equity_columns()
    for i, year in enumerate((2025, 2024)):
        v = lambda name: f.value(name, year)
        for key, name in computed.items():
            faults.same(f"Stated {key} of {year} against its rows", stated[key][i], v(f"total.{name}"))
        faults.same(f"Assets of {year} against liabilities and equity", v("total.assets"), v("total.liabilities_and_equity"))
        faults.same(f"Net profit of {year} against the shares of parent and minority", v("total.net_profit"), v("income.attributable") + v("income.minority"))
        faults.same(f"Operating cash of {year} against the indirect method", f.sum("indirect")[i], v("total.operating_cash"))
        faults.same(f"Net profit of {year} in the indirect method", v("indirect.net"), v("total.net_profit"))
        faults.same(f"Closing cash of {year} against cash at bank less restricted cash", v("total.closing_cash"), v("balance.cash") - v("notes.restricted.restricted"))
        closing = equity[f"closing{year}"]
        for column_idx, name in enumerate(("capital", "capital_reserve", "oci", "surplus", "retained", "minority")):
            faults.same(f"Closing {name} of {year} in the changes of equity against the balance sheet", closing[column_idx], v(f"balance.{name}"))
        faults.same(f"Profit of {year} in the changes of equity", equity[f"income{year}"][4], v("income.attributable"))
        faults.same(f"Other comprehensive income of {year} in the changes of equity", equity[f"income{year}"][2], v("total.oci"))
        faults.same(f"Finance cost rows of {year}", v("notes.finance.interest_cost"), v("income.interest_cost"))
        faults.same(f"Interest income rows of {year}", -v("notes.finance.interest_income"), v("income.interest_income"))
        faults.same(f"Income from associates of {year}", v("notes.invest.associates"), v("income.associates"))
        faults.same(f"Minority capital paid in {year}", equity[f"contributed{year}"][5], v("cash.fin_capital"))
    faults.same("Opening cash of 2025 against closing cash of 2024", f.value("cash.opening"), f.value("total.closing_cash", 2024))
    faults.same("Dividends paid in 2025 against the rate for 2024", -equity["dividends2025"][4], f.value("total.dividend", 2024))
    faults.same("Share capital against the number of shares", f.value("balance.capital"), Decimal(f.data["shares"]["total"]))


def parts(f, faults):
    """Quarters, products, regions, channels and segments sum to the statements."""
    quarters = f.data["quarters"]
    for key, name in (("revenue", "income.revenue"), ("attributable", "income.attributable"), ("recurring", "total.recurring"), ("operating_cash", "total.operating_cash")):
        faults.same(f"The four quarters of {key} against the year", sum(quarters[key][1:]), f.value(name))
    for i, year in enumerate((2025, 2024)):
        faults.same(f"Products against revenue of {year}", column(f, "products", 2 * i), f.value("income.revenue", year))
        faults.same(f"Products against cost of {year}", column(f, "products", 2 * i + 1), f.value("income.cost", year))
        for section in ("regions", "channels"):
            faults.same(f"Revenue by {section} against the main business of {year}", column(f, section, 2 * i), f.value("total.main_revenue", year))
            faults.same(f"Cost by {section} against the main business of {year}", column(f, section, 2 * i + 1), f.value("total.main_cost", year))
        faults.same(f"Revenue by timing of {year}", f.sum("timing")[i], f.value("income.revenue", year))
        for key, label, values in f.wide("cost_parts"):
            faults.same(f"Cost parts of {label} in {year}", sum(values[3 * i:3 * i + 3]), f.value(f"products.{key}.cost", year))
    segments = {key: sum(values) for key, _, values in f.wide("segments")}
    amortised = sum(f.value(f"indirect.{key}") for key in ("depreciation", "rou", "amortisation", "prepaid"))
    for key, total in (("external", f.value("income.revenue")), ("internal", 0), ("profit", f.value("total.profit_before_tax")), ("assets", f.value("total.assets")),
                       ("liabilities", f.value("total.liabilities")), ("depreciation", amortised), ("capex", f.value("cash.capex"))):
        faults.same(f"Segments' {key} against the group", segments[key], total)
    external = dict(zip(("robots", "lines", "storage"), f.data["segments"]["external"][1:]))
    for key, amount in external.items():
        faults.same(f"Segment revenue of {key} against the product", amount, f.value(f"products.{key}"))


def notes(f, faults):
    """Every note ends at its line of the statements."""
    for section, name in (("cash", "balance.cash"), ("short_borrowings", "balance.short_borrowings"), ("payables", "balance.payables"), ("long_borrowings", "balance.long_borrowings"),
                          ("selling", "income.selling"), ("admin", "income.admin"), ("research", "income.research"), ("finance", "income.finance"), ("other_income", "income.other_income"),
                          ("invest", "income.invest"), ("impairment", "income.impairment"), ("tax", "income.tax"), ("tax_reconciliation", "income.tax")):
        for i, year in enumerate((2025, 2024)):
            faults.same(f"Note {section} against {name} of {year}", f.sum(f"notes.{section}")[i], f.value(name, year))
    for section, name in (("receivables", "balance.receivables"), ("inventories", "balance.inventories")):
        for i, year in enumerate((2025, 2024)):
            faults.same(f"Note {section} of {year}", column(f, f"notes.{section}", 2 * i) - column(f, f"notes.{section}", 2 * i + 1), f.value(name, year))
    c = lambda section, i: column(f, section, i)
    fixed = "notes.fixed_assets"
    faults.same("Fixed assets opening", c(fixed, 0) - c(fixed, 4), f.value("balance.fixed_assets", 2024))
    closing = c(fixed, 0) + c(fixed, 1) + c(fixed, 2) - c(fixed, 3) - c(fixed, 4) - c(fixed, 5) + c(fixed, 6)
    faults.same("Fixed assets closing", closing, f.value("balance.fixed_assets"))
    faults.same("Depreciation of the year", c(fixed, 5), f.value("indirect.depreciation"))
    works = "notes.construction"
    faults.same("Construction opening", c(works, 1), f.value("balance.construction", 2024))
    faults.same("Construction closing", c(works, 1) + c(works, 2) - c(works, 3), f.value("balance.construction"))
    faults.same("Construction transferred against fixed assets", c(works, 3), c(fixed, 2))
    for section, source in (("allowance", "receivables"), ("inventory_allowance", "inventories")):
        rows = [row[1] for row in f.data["notes"][section].values()]
        faults.same(f"Movements of {section}", sum(rows[:-1]), rows[-1])
        faults.same(f"Opening {section}", rows[0], c(f"notes.{source}", 3))
        faults.same(f"Closing {section}", rows[-1], c(f"notes.{source}", 1))
    research = f.data["research"]
    moved = f.value("balance.development", 2024) + research["capitalised"][1] - research["transferred"][1]
    faults.same("Development expenditure closing", moved, f.value("balance.development"))
    for key in ("people_parts", "people_schooling"):
        faults.same(f"Heads in {key}", sum(row[1] for row in f.data[key].values()), f.value("people.total"))
    held = sum(holder["shares"] for holder in f.data["holders"])
    faults.true("the ten largest holders hold no more than all shares", held < f.data["shares"]["total"])
    text = (HERE / "text" / "09-notes.md").read_text(encoding="utf-8")
    faults.true("every note a statement points to exists", all(f"\n### {number}、" in text for number in NOTES.values()))


def pages_of(path):
    """The text of every page, each run of white space as one space."""
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True).stdout.decode()
    return [re.sub(r"\s+", " ", page) for page in text.split("\f")[:-1]]


def printed(f, pages, faults):
    """The rendered report prints these numbers, and every fact of questions.json stands on its page."""
    whole = "".join(pages)
    for name in ("income.revenue", "income.attributable", "total.assets", "total.net_profit", "total.operating_cash", "total.closing_cash", "total.research"):
        for year in (2025, 2024):
            faults.true(f"the report prints {name} of {year} as {money(f.value(name, year))}", money(f.value(name, year)) in whole)
    for quarter in range(1, 5):
        faults.true(f"the report prints the revenue of quarter {quarter}", money(f.data["quarters"]["revenue"][quarter]) in whole)
    questions = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))
    for question in questions:
        for fact in question["facts"]:
            page = pages[fact["page"] - 1] if fact["page"] <= len(pages) else ""
            alone = re.compile(rf"(?<![\d.,]){re.escape(fact['value'])}(?![\d])")
            faults.true(f"page {fact['page']} prints {fact['label']} as {fact['value']}", bool(alone.search(page)))


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PDF
    f, faults = Figures(), Faults()
    statements(f, faults)
    parts(f, faults)
    notes(f, faults)
    if shutil.which("pdftotext"):
        printed(f, pages_of(path), faults)
    else:
        print("pdftotext is not installed: the pages of the PDF were not read", file=sys.stderr)
    for sentence in faults.found:
        print(sentence, file=sys.stderr)
    if faults.found:
        return 1
    print(f"{faults.n_checks} checks hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
