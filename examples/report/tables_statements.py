"""The four consolidated statements."""

from figures import NOTES, money
from layout import LANDSCAPE_WIDTH, grid


def _note(name):
    return f"七、{NOTES[name]}" if name in NOTES else ""


def _line(f, name, label, year_pair=None):
    now, before = year_pair or f.pairs[name]
    return [label, _note(name), money(now), money(before)]


def _statement(f, parts, head):
    """`parts` are ("group", label), ("rows", section) or ("total", figure, label)."""
    rows, kinds = [], []
    for kind, *rest in parts:
        if kind == "group":
            rows.append([rest[0], "", "", ""])
            kinds.append("group")
        elif kind == "rows":
            section = rest[0].split(".")[0]
            for key, label, *_ in f.rows(rest[0]):
                rows.append(_line(f, f"{section}.{key}", "　" + label))
                kinds.append("")
        else:
            rows.append(_line(f, rest[0], rest[1]))
            kinds.append("total" if kind == "total" else "")
    return [grid([head], rows, [4.6, 0.95, 2.5, 2.5], "lcrr", size=8.3, kinds=kinds)]


def balance_assets(f):
    parts = [("group", "流动资产："), ("rows", "balance.current_assets"), ("total", "total.current_assets", "流动资产合计"), ("group", "非流动资产："),
             ("rows", "balance.noncurrent_assets"), ("total", "total.noncurrent_assets", "非流动资产合计"), ("total", "total.assets", "资产总计")]
    return _statement(f, parts, ["项目", "附注", "2025年12月31日", "2024年12月31日"])


def balance_liabilities(f):
    parts = [("group", "流动负债："), ("rows", "balance.current_liabilities"), ("total", "total.current_liabilities", "流动负债合计"), ("group", "非流动负债："),
             ("rows", "balance.noncurrent_liabilities"), ("total", "total.noncurrent_liabilities", "非流动负债合计"), ("total", "total.liabilities", "负债合计"),
             ("group", "所有者权益（或股东权益）："), ("rows", "balance.equity"), ("total", "total.equity_parent", "归属于母公司所有者权益（或股东权益）合计"),
             ("rows", "balance.minority_interest"), ("total", "total.equity", "所有者权益（或股东权益）合计"), ("total", "total.liabilities_and_equity", "负债和所有者权益（或股东权益）总计")]
    return _statement(f, parts, ["项目", "附注", "2025年12月31日", "2024年12月31日"])


def income(f):
    rows, kinds = [], []

    def add(name, label, kind=""):
        rows.append(_line(f, name, label))
        kinds.append(kind)

    add("income.revenue", "一、营业总收入", "total")
    add("income.revenue", "其中：营业收入")
    add("total.costs", "二、营业总成本", "total")
    labels = {key: label for key, label, *_ in f.rows("income.costs")}
    for key, label in labels.items():
        add(f"income.{key}", ("其中：" if key == "cost" else "　") + label)
        if key == "finance":
            add("income.interest_cost", "　　其中：利息费用")
            add("income.interest_income", "　　　　　利息收入")
    for key, label, *_ in f.rows("income.gains"):
        add(f"income.{key}", ("加：" if key == "other_income" else "　") + label)
        if key == "invest":
            add("income.associates", "　　其中：对联营企业和合营企业的投资收益")
    add("total.operating_profit", "三、营业利润（亏损以“－”号填列）", "total")
    for key, label, *_ in f.rows("income.nonoperating"):
        add(f"income.{key}", label)
    add("total.profit_before_tax", "四、利润总额（亏损总额以“－”号填列）", "total")
    add("income.tax", "减：所得税费用")
    add("total.net_profit", "五、净利润（净亏损以“－”号填列）", "total")
    rows.append(["（一）按经营持续性分类", "", "", ""])
    kinds.append("")
    add("total.net_profit", "1.持续经营净利润（净亏损以“－”号填列）")
    rows.append(["（二）按所有权归属分类", "", "", ""])
    kinds.append("")
    for key, label, *_ in f.rows("income.split"):
        add(f"income.{key}", label)
    add("total.oci", "六、其他综合收益的税后净额", "total")
    for key, label, *_ in f.rows("income.comprehensive"):
        add(f"income.{key}", "　" + label)
    add("total.comprehensive", "七、综合收益总额", "total")
    add("total.comprehensive_parent", "（一）归属于母公司所有者的综合收益总额")
    add("income.minority", "（二）归属于少数股东的综合收益总额")
    rows.append(["八、每股收益：", "", "", ""])
    kinds.append("total")
    for label in ("（一）基本每股收益（元/股）", "（二）稀释每股收益（元/股）"):
        rows.append([label, _note("total.eps"), f"{f.eps()}", f"{f.eps(year=2024)}"])
        kinds.append("")
    return [grid([["项目", "附注", "2025年度", "2024年度"]], rows, [4.6, 0.95, 2.5, 2.5], "lcrr", size=8.3, kinds=kinds)]


def cash_flow(f):
    parts = []
    for number, label, kind in (("一", "经营", "operating"), ("二", "投资", "investing"), ("三", "筹资", "financing")):
        parts += [("group", f"{number}、{label}活动产生的现金流量："), ("rows", f"cash.{kind}_in"), ("total", f"total.{kind}_in", f"{label}活动现金流入小计"),
                  ("rows", f"cash.{kind}_out"), ("total", f"total.{kind}_out", f"{label}活动现金流出小计"), ("total", f"total.{kind}_cash", f"{label}活动产生的现金流量净额")]
    parts += [("line", "cash.exchange", "四、汇率变动对现金及现金等价物的影响"), ("total", "total.net_cash", "五、现金及现金等价物净增加额"),
              ("line", "cash.opening", "加：期初现金及现金等价物余额"), ("total", "total.closing_cash", "六、期末现金及现金等价物余额")]
    return _statement(f, parts, ["项目", "附注", "2025年度", "2024年度"])


def _equity(f, year):
    columns, labels = f.equity_columns(), {key: label for key, label, _ in f.wide("equity")}
    rows, kinds = [], []
    for key in ("opening", "income", "contributed", "shares", "surplus", "dividends", "closing"):
        values = columns[f"{key}{year}"]
        label = "二、本年年末余额" if key == "closing" else "一、上年年末余额" if key == "opening" else labels[f"{key}{year}"]
        parent = sum(values[:5])
        rows.append([label] + [money(v) for v in values[:5]] + [money(parent), money(values[5]), money(parent + values[5])])
        kinds.append("total" if key in ("opening", "closing") else "")
    head = [["项目", "股本", "资本公积", "其他综合收益", "盈余公积", "未分配利润", "归属于母公司小计", "少数股东权益", "所有者权益合计"]]
    return [grid(head, rows, [1.35, 1.32, 1.42, 1.1, 1.32, 1.42, 1.42, 1.12, 1.42], "lrrrrrrrr", size=7.4, kinds=kinds, width=LANDSCAPE_WIDTH)]


def equity_2025(f):
    return _equity(f, 2025)


def equity_2024(f):
    return _equity(f, 2024)


TABLES = {fn.__name__: fn for fn in (balance_assets, balance_liabilities, income, cash_flow, equity_2025, equity_2024)}
