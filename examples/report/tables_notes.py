"""The tables of the notes to the consolidated statements."""

from figures import ZERO, change, money, percent, rounded
from layout import grid

BOTH = [["项目", "期末余额", "期初余额"]]
YEARS = [["项目", "2025年度", "2024年度"]]


def _two(f, section, head, total="合计", sign=1):
    """A section of two columns with its sum below."""
    rows = [[label, money(now), money(before)] for _, label, now, before in f.rows(section)]
    sums = f.sum(section)
    rows.append([total] + [money(v * sign) for v in sums])
    return [grid(head, rows, [5, 2.5, 2.5], "lrr", kinds=[""] * (len(rows) - 1) + ["total"])]


def note_cash(f):
    tables = _two(f, "notes.cash", BOTH)
    return tables


def note_ageing(f):
    rows = []
    for _, label, values in f.wide("notes.receivables"):
        rows.append([label, money(values[0]), money(values[2])])
    total, total0 = (sum(v[i] for _, _, v in f.wide("notes.receivables")) for i in (0, 2))
    bad, bad0 = (sum(v[i] for _, _, v in f.wide("notes.receivables")) for i in (1, 3))
    rows += [["账面余额合计", money(total), money(total0)], ["减：坏账准备", money(bad), money(bad0)], ["账面价值", money(total - bad), money(total0 - bad0)]]
    return [grid([["账龄", "期末账面余额", "期初账面余额"]], rows, [4, 3, 3], "lrr", kinds=[""] * 6 + ["total", "", "total"])]


def note_allowance_rates(f):
    rows = [[label, money(v[0]), money(v[1]), percent(rounded(v[1] / v[0] * 100))] for _, label, v in f.wide("notes.receivables")]
    total, bad = (sum(v[i] for _, _, v in f.wide("notes.receivables")) for i in (0, 1))
    rows.append(["合计", money(total), money(bad), percent(rounded(bad / total * 100))])
    return [grid([["名称", "账面余额", "坏账准备", "计提比例(%)"]], rows, [3.4, 2.8, 2.6, 1.4], "lrrr", kinds=[""] * 6 + ["total"])]


def _roll(f, section):
    labels = [row[0] for row in f.data["notes"][section].values()]
    values = [money(row[1]) for row in f.data["notes"][section].values()]
    return [grid([labels], [values], [1] * len(labels), "r" * len(labels))]


def note_allowance(f):
    return _roll(f, "allowance")


def note_inventories(f):
    rows, wide = [], f.wide("notes.inventories")
    for label, v in [(label, v) for _, label, v in wide] + [("合计", [sum(v[i] for _, _, v in wide) for i in range(4)])]:
        rows.append([label, money(v[0]), money(v[1]), money(v[0] - v[1]), money(v[2]), money(v[3]), money(v[2] - v[3])])
    head = [["项目", "期末账面余额", "期末跌价准备", "期末账面价值", "期初账面余额", "期初跌价准备", "期初账面价值"]]
    return [grid(head, rows, [1.4, 2, 1.65, 2, 2, 1.65, 2], "lrrrrrr", size=7.6, kinds=[""] * 5 + ["total"])]


def note_inventory_allowance(f):
    return _roll(f, "inventory_allowance")


def note_fixed_assets(f):
    wide = f.wide("notes.fixed_assets")
    columns = [v for _, _, v in wide]
    columns.append([sum(v[i] for v in columns) for i in range(7)])
    line = lambda label, get: [label] + [money(get(v)) for v in columns]
    cost = lambda v: v[0] + v[1] + v[2] - v[3]
    worn = lambda v: v[4] + v[5] - v[6]
    blank = lambda label: [label] + [""] * len(columns)
    rows = [blank("一、账面原值："), line("1.期初余额", lambda v: v[0]), line("2.本期增加金额", lambda v: v[1] + v[2]), line("（1）购置", lambda v: v[1]), line("（2）在建工程转入", lambda v: v[2]),
            line("3.本期减少金额（处置或报废）", lambda v: v[3]), line("4.期末余额", cost), blank("二、累计折旧："), line("1.期初余额", lambda v: v[4]), line("2.本期增加金额（计提）", lambda v: v[5]),
            line("3.本期减少金额（处置或报废）", lambda v: v[6]), line("4.期末余额", worn), blank("三、账面价值："), line("1.期末账面价值", lambda v: cost(v) - worn(v)), line("2.期初账面价值", lambda v: v[0] - v[4])]
    kinds = ["group", "", "", "", "", "", "total", "group", "", "", "", "total", "group", "total", "total"]
    head = [["项目"] + [label for _, label, _ in wide] + ["合计"]]
    return [grid(head, rows, [2.3, 2, 2, 1.6, 1.85, 2.1], "lrrrrr", size=7.7, kinds=kinds)]


def note_construction(f):
    rows, wide = [], f.wide("notes.construction")
    for _, label, (budget, opening, added, moved) in wide:
        rows.append([label, money(budget), money(opening), money(added), money(moved), money(opening + added - moved)])
    sums = [sum((v[i] for _, _, v in wide), ZERO) for i in range(4)]
    rows.append(["合计", money(sums[0]), money(sums[1]), money(sums[2]), money(sums[3]), money(sums[1] + sums[2] - sums[3])])
    head = [["项目名称", "预算数", "期初余额", "本期增加金额", "本期转入固定资产金额", "期末余额"]]
    return [grid(head, rows, [2.2, 1.9, 1.9, 1.9, 1.9, 1.9], "lrrrrr", size=7.8, kinds=[""] * 4 + ["total"])]


def note_short_borrowings(f):
    return _two(f, "notes.short_borrowings", BOTH)


def note_payables(f):
    return _two(f, "notes.payables", [["账龄", "期末余额", "期初余额"]])


def note_long_borrowings(f):
    return _two(f, "notes.long_borrowings", BOTH)


def note_retained(f):
    columns, rows = f.equity_columns(), []
    for label, key in (("调整后期初未分配利润", "opening"), ("加：本期归属于母公司所有者的净利润", "income"), ("减：提取法定盈余公积", "surplus"), ("应付普通股股利", "dividends"), ("期末未分配利润", "closing")):
        sign = -1 if key in ("surplus", "dividends") else 1
        rows.append([label] + [money(columns[f"{key}{year}"][4] * sign) for year in (2025, 2024)])
    return [grid(YEARS, rows, [5, 2.5, 2.5], "lrr", kinds=["", "", "", "", "total"])]


def note_revenue(f):
    other, rows = f.wide("products")[-1][2], []
    revenue, cost = f.pairs["total.main_revenue"], f.pairs["total.main_cost"]
    rows.append(["主营业务", money(revenue[0]), money(cost[0]), money(revenue[1]), money(cost[1])])
    rows.append(["其他业务", money(other[0]), money(other[1]), money(other[2]), money(other[3])])
    whole, spent = f.pairs["income.revenue"], f.pairs["income.cost"]
    rows.append(["合计", money(whole[0]), money(spent[0]), money(whole[1]), money(spent[1])])
    return [grid([["项目", "本期收入", "本期成本", "上期收入", "上期成本"]], rows, [1.6, 2.3, 2.3, 2.3, 2.3], "lrrrr", kinds=["", "", "total"])]


def note_revenue_parts(f):
    segment = [(label, v[0], v[1]) for _, label, v in f.wide("products")]
    rows, kinds = [["按商品类型分类：", "", ""]], ["group"]
    rows += [["　" + label, money(now), money(cost)] for label, now, cost in segment]
    rows.append(["按商品转让的时间分类：", "", ""])
    kinds += [""] * len(segment) + ["group"]
    for _, label, now, _ in f.rows("timing"):
        rows.append(["　" + label, money(now), ""])
        kinds.append("")
    rows.append(["合计", money(f.value("income.revenue")), money(f.value("income.cost"))])
    return [grid([["合同分类", "营业收入", "营业成本"]], rows, [4.6, 2.7, 2.7], "lrr", kinds=kinds + ["total"])]


def _note(section, total="合计", sign=1):
    return lambda f: _two(f, section, YEARS, total, sign)


def note_tax(f):
    tables = _two(f, "notes.tax", YEARS)
    rows = [["利润总额"] + [money(v) for v in f.pairs["total.profit_before_tax"]]]
    rows += [[label, money(now), money(before)] for _, label, now, before in f.rows("notes.tax_reconciliation")]
    rows.append(["所得税费用"] + [money(v) for v in f.sum("notes.tax_reconciliation")])
    return tables + [grid(YEARS, rows, [5, 2.5, 2.5], "lrr", kinds=["group"] + [""] * (len(rows) - 2) + ["total"])]


def note_eps(f):
    shares, rows = f"{f.data['shares']['total']:,}", []
    for label, name in (("归属于公司普通股股东的净利润", "income.attributable"), ("扣除非经常性损益后归属于公司普通股股东的净利润", "total.recurring")):
        rows.append([label] + [money(v) for v in f.pairs[name]])
    rows.append(["发行在外普通股的加权平均数（股）", shares, shares])
    rows.append(["基本每股收益（元/股）", f"{f.eps()}", f"{f.eps(year=2024)}"])
    rows.append(["稀释每股收益（元/股）", f"{f.eps()}", f"{f.eps(year=2024)}"])
    rows.append(["扣除非经常性损益后的基本每股收益（元/股）", f"{f.eps('total.recurring')}", f"{f.eps('total.recurring', 2024)}"])
    return [grid(YEARS, rows, [5, 2.5, 2.5], "lrr", kinds=["", "", "", "total", "total", "total"])]


def note_indirect(f):
    rows = [["1.将净利润调节为经营活动现金流量：", "", ""]] + [[label, money(now), money(before)] for _, label, now, before in f.rows("indirect")]
    kinds = ["group"] + [""] * (len(rows) - 1)
    rows.append(["经营活动产生的现金流量净额"] + [money(v) for v in f.sum("indirect")])
    rows.append(["2.现金及现金等价物净变动情况：", "", ""])
    closing, opening = f.pairs["total.closing_cash"], f.pairs["cash.opening"]
    rows.append(["现金的期末余额"] + [money(v) for v in closing])
    rows.append(["减：现金的期初余额"] + [money(v) for v in opening])
    rows.append(["现金及现金等价物净增加额"] + [money(v) for v in f.pairs["total.net_cash"]])
    return [grid([["补充资料", "2025年度", "2024年度"]], rows, [5, 2.5, 2.5], "lrr", kinds=kinds + ["total", "group", "", "", "total"])]


def note_cash_equivalents(f):
    rows = [["货币资金"] + [money(v) for v in f.pairs["balance.cash"]], ["减：使用受到限制的货币资金"] + [money(v) for v in f.pairs["notes.restricted.restricted"]],
            ["期末现金及现金等价物余额"] + [money(v) for v in f.pairs["total.closing_cash"]]]
    return [grid(BOTH, rows, [5, 2.5, 2.5], "lrr", kinds=["", "", "total"])]


def note_segments(f):
    rows = []
    for key, label, values in f.wide("segments"):
        rows.append([label] + [money(v) for v in values] + [money(sum(values))])
        if key == "internal":
            both = [a + b for a, b in zip(f.data["segments"]["external"][1:], f.data["segments"]["internal"][1:])]
            rows.append(["分部收入合计"] + [money(v) for v in both] + [money(sum(both))])
    kinds = ["", "", "total"] + [""] * 5
    head = [["项目", "工业机器人", "智能产线装备", "储能系统", "软件服务及其他", "分部间抵销", "合计"]]
    return [grid(head, rows, [1.4, 1.9, 1.9, 1.9, 1.9, 1.95, 2], "lrrrrrr", size=7.1, kinds=kinds)]


def note_abroad(f):
    products = f.wide("products")[-1][2]
    home, away = f.value("regions.domestic") + products[0], f.value("regions.abroad")
    home0, away0 = f.value("regions.domestic", 2024) + products[2], f.value("regions.abroad", 2024)
    rows = [["中国境内", money(home), money(home0), percent(change(home, home0))], ["境外", money(away), money(away0), percent(change(away, away0))],
            ["合计", money(home + away), money(home0 + away0), percent(change(home + away, home0 + away0))]]
    return [grid([["对外交易收入", "2025年度", "2024年度", "变动比例(%)"]], rows, [3, 2.6, 2.6, 1.4], "lrrr", kinds=["", "", "total"])]


TABLES = {fn.__name__: fn for fn in (note_cash, note_ageing, note_allowance_rates, note_allowance, note_inventories, note_inventory_allowance, note_fixed_assets, note_construction,
                                     note_short_borrowings, note_payables, note_long_borrowings, note_retained, note_revenue, note_revenue_parts, note_tax, note_eps, note_indirect,
                                     note_cash_equivalents, note_segments, note_abroad)}
TABLES |= {f"note_{name}": _note(f"notes.{name}") for name in ("selling", "admin", "research", "finance", "other_income", "invest", "impairment")}
