"""The tables of the sections before the financial statements."""

from figures import change, money, percent, rounded
from layout import grid

WAN = 10_000


def _wan(amount):
    return money(rounded(amount / WAN))


def _points(value):
    return f"{'增加' if value >= 0 else '减少'}{abs(value):.2f}个百分点"


def company(f):
    rows = [
        ["公司的中文名称", "岚序智造股份有限公司（简称：岚序智造）"],
        ["公司的外文名称", "Lanxu Intelligent Manufacturing Co., Ltd."], ["公司的外文名称缩写", "LXIM"],
        ["公司的法定代表人", "董事长"], ["股票简称 / 股票代码", "岚序智造 / 699025（虚构代码）"],
        ["公司注册地址和办公地址", "岚州市高新技术开发区序章大道1号"],
        ["公司网址", "www.lanxu.example"],
        ["董事会秘书及证券事务代表", "董事会秘书；证券事务代表"], ["电子信箱", "ir@lanxu.example"],
        ["披露年度报告的网址", "www.lanxu.example/ir"], ["公司年度报告备置地点", "公司董事会办公室"],
        ["公司聘请的会计师事务所", "样例会计师事务所（特殊普通合伙）（虚构）"],
        ["签字会计师", "签字注册会计师甲、签字注册会计师乙"],
    ]
    return [grid([["项目", "内容"]], rows, [3, 7], "ll", size=9)]


def glossary(f):
    rows = [
        ["公司、本公司、岚序智造", "指", "岚序智造股份有限公司"], ["本集团、集团", "指", "岚序智造股份有限公司及其子公司"],
        ["控股股东、岚序控股", "指", "岚序控股集团有限公司"], ["机器人公司", "指", "岚序机器人有限公司，公司全资子公司"],
        ["储能公司", "指", "岚序储能科技有限公司，公司控股子公司"], ["软件公司", "指", "岚序工业软件有限公司，公司全资子公司"],
        ["智能产线装备", "指", "由机器人、输送、检测与控制单元组成并按客户工艺集成的自动化生产线"],
        ["核心部件", "指", "控制器、伺服系统、精密减速器等工业机器人关键零部件"],
        ["储能系统", "指", "由电池簇、储能变流器、能量管理系统等组成的电化学储能成套设备"],
        ["PCS", "指", "储能变流器"], ["MES", "指", "制造执行系统"], ["MWh", "指", "兆瓦时，电能量单位"],
        ["报告期、本期、本年", "指", "2025年1月1日至2025年12月31日"], ["上期、上年同期", "指", "2024年1月1日至2024年12月31日"],
        ["元、万元、亿元", "指", "人民币元、人民币万元、人民币亿元"],
    ]
    return [grid([["释义项", "", "释义内容"]], rows, [3.2, 0.6, 6.2], "lcl", size=9)]


def key_figures(f):
    early, head = f.data["earlier"], [["主要会计数据", "2025年", "2024年", "本期比上年同期增减(%)", "2023年"]]
    rows = []
    for label, name, old in (
        ("营业收入", "income.revenue", "revenue"),
        ("归属于上市公司股东的净利润", "income.attributable", "attributable"),
        ("归属于上市公司股东的扣除非经常性损益的净利润", "total.recurring", "recurring"),
        ("经营活动产生的现金流量净额", "total.operating_cash", "operating_cash"),
    ):
        now, before = f.pairs[name]
        rows.append([label, money(now), money(before), percent(f.growth(name)), money(early[old])])
    kinds = [""] * 4 + ["group"] + [""] * 2
    opening = sum(f.equity_columns()["opening2024"][:5])
    rows.append(["", "2025年末", "2024年末", "本期末比上年同期末增减(%)", "2023年末"])
    for label, name, old in (("归属于上市公司股东的净资产", "total.equity_parent", opening),
                             ("总资产", "total.assets", early["total_assets"])):
        now, before = f.pairs[name]
        rows.append([label, money(now), money(before), percent(f.growth(name)), money(old)])
    return [grid(head, rows, [2.9, 2.2, 2.2, 1.5, 2.2], "lrrrr", size=8, kinds=kinds)]


def key_ratios(f):
    early, shares = f.data["earlier"], f.data["shares"]["total"]
    eps, old = f.eps(), f.eps(year=2024)
    eps_r, old_r = f.eps("total.recurring"), f.eps("total.recurring", 2024)
    eps3, eps3_r = rounded(early["attributable"] / shares), rounded(early["recurring"] / shares)
    roe, roe0 = f.roe(), f.roe(year=2024)
    roe_r, roe0_r = f.roe("total.recurring"), f.roe("total.recurring", 2024)
    rows = [
        ["基本每股收益（元／股）", f"{eps}", f"{old}", percent(change(eps, old)), f"{eps3}"],
        ["稀释每股收益（元／股）", f"{eps}", f"{old}", percent(change(eps, old)), f"{eps3}"],
        ["扣除非经常性损益后的基本每股收益（元／股）", f"{eps_r}", f"{old_r}", percent(change(eps_r, old_r)), f"{eps3_r}"],
        ["加权平均净资产收益率（%）", f"{roe}", f"{roe0}", _points(roe - roe0), f"{early['roe']}"],
        ["扣除非经常性损益后的加权平均净资产收益率（%）", f"{roe_r}", f"{roe0_r}", _points(roe_r - roe0_r), f"{early['roe_recurring']}"],
    ]
    return [grid([["主要财务指标", "2025年", "2024年", "本期比上年同期增减(%)", "2023年"]], rows,
                 [4, 1.5, 1.5, 2.4, 1.5], "lrrrr")]


def quarterly(f):
    rows = []
    for _, label, values in f.wide("quarters"):
        rows.append([label] + [money(v) for v in values])
    head = [["", "第一季度（1-3月）", "第二季度（4-6月）", "第三季度（7-9月）", "第四季度（10-12月）"]]
    return [grid(head, rows, [2.75, 2, 2, 2, 2], "lrrrr", size=8.2)]


def nonrecurring(f):
    rows, kinds = [], []
    for key, label, now, before in f.rows("nonrecurring"):
        sign = -1 if key in ("tax", "minority") else 1
        if key == "tax":
            rows.append(["小计"] + [money(v) for v in f.pairs["total.nonrecurring_gross"]])
            kinds.append("total")
        rows.append([label if key != "minority" else "减：" + label, money(now * sign), money(before * sign)])
        kinds.append("")
    rows.append(["合计"] + [money(v) for v in f.pairs["total.nonrecurring"]])
    return [grid([["非经常性损益项目", "2025年金额", "2024年金额"]], rows, [5.4, 2.3, 2.3], "lrr", kinds=kinds + ["total"])]


def analysis(f):
    names = [("营业收入", "income.revenue"), ("营业成本", "income.cost"), ("税金及附加", "income.taxes"), ("销售费用", "income.selling"), ("管理费用", "income.admin"),
             ("财务费用", "income.finance"), ("研发费用", "income.research"), ("其他收益", "income.other_income"), ("经营活动产生的现金流量净额", "total.operating_cash"),
             ("投资活动产生的现金流量净额", "total.investing_cash"), ("筹资活动产生的现金流量净额", "total.financing_cash")]
    rows = [[label, money(f.value(n)), money(f.value(n, 2024)), percent(f.growth(n))] for label, n in names]
    return [grid([["科目", "本期数", "上年同期数", "变动比例(%)"]], rows, [3.4, 2.6, 2.6, 1.6], "lrrr")]


def _margins(f, rows, kinds, title, entries):
    rows.append([title, "", "", "", "", "", ""])
    kinds.append("group")
    for label, now, cost, before, cost0 in entries:
        margin, margin0 = rounded((now - cost) / now * 100), rounded((before - cost0) / before * 100)
        rows.append([label, money(now), money(cost), percent(margin), percent(change(now, before)), percent(change(cost, cost0)), _points(margin - margin0)])
        kinds.append("")
    total = [sum(entry[i] for entry in entries) for i in (1, 2, 3, 4)]
    margin, margin0 = (rounded((total[i] - total[i + 1]) / total[i] * 100) for i in (0, 2))
    rows.append(["合计", money(total[0]), money(total[1]), percent(margin), percent(change(total[0], total[2])), percent(change(total[1], total[3])), _points(margin - margin0)])
    kinds.append("total")


def industries(f):
    """(label, revenue, cost, revenue 2024, cost 2024) by industry, gathered from the products."""
    products = {key: values for key, _, values in f.wide("products")}
    both = [x + y for x, y in zip(products["robots"], products["lines"])]
    return [("高端装备制造业", *both), ("新能源装备制造业", *products["storage"]), ("软件和信息技术服务业", *products["software"])]


def main_business(f):
    rows, kinds = [], []
    _margins(f, rows, kinds, "主营业务分行业情况", industries(f))
    _margins(f, rows, kinds, "主营业务分产品情况", [(label, *v) for key, label, v in f.wide("products") if key != "other"])
    _margins(f, rows, kinds, "主营业务分地区情况", [(label, *v) for _, label, v in f.wide("regions")])
    _margins(f, rows, kinds, "主营业务分销售模式情况", [(label, *v) for _, label, v in f.wide("channels")])
    head = [["项目", "营业收入", "营业成本", "毛利率(%)", "营业收入比上年增减(%)", "营业成本比上年增减(%)", "毛利率比上年增减"]]
    return [grid(head, rows, [2.1, 2.3, 2.3, 1, 1.2, 1.2, 1.5], "lrrrrrr", size=7.8, kinds=kinds)]


def volumes(f):
    rows = []
    for _, label, (unit, opening, made, sold, sold0, made0) in f.wide("volumes"):
        closing = opening + made - sold
        rows.append([label, unit, f"{made:,}", f"{sold:,}", f"{closing:,}", percent(change(made, made0)), percent(change(sold, sold0)), percent(change(closing, opening))])
    head = [["主要产品", "单位", "生产量", "销售量", "库存量", "生产量比上年增减(%)", "销售量比上年增减(%)", "库存量比上年增减(%)"]]
    return [grid(head, rows, [2, 0.8, 1.3, 1.3, 1.1, 1.5, 1.5, 1.5], "lcrrrrrr", size=8.2)]


def cost_parts(f):
    rows, kinds, total, total0 = [], [], f.value("total.main_cost"), f.value("total.main_cost", 2024)
    for _, label, values in f.wide("cost_parts"):
        for part, now, before in zip(("直接材料", "直接人工", "制造及其他费用"), values[:3], values[3:]):
            rows.append([label, part, money(now), percent(now / total * 100), money(before), percent(before / total0 * 100), percent(change(now, before))])
            kinds.append("")
    rows.append(["主营业务成本合计", "", money(total), "100.00", money(total0), "100.00", percent(change(total, total0))])
    head = [["分产品", "成本构成项目", "本期金额", "占比(%)", "上年同期金额", "占比(%)", "变动比例(%)"]]
    return [grid(head, rows, [2.2, 1.5, 2.2, 0.9, 2.2, 0.9, 1.2], "llrrrrr", size=8, kinds=kinds + ["total"])]


def expenses(f):
    rows = []
    for label, key in (("销售费用", "selling"), ("管理费用", "admin"), ("研发费用", "research"), ("财务费用", "finance")):
        name = f"income.{key}"
        rows.append([label, money(f.value(name)), money(f.value(name, 2024)), percent(f.growth(name)), percent(f.share(name, "income.revenue")), percent(f.share(name, "income.revenue", 2024))])
    name = "total.period_expenses"
    rows.append(["期间费用合计", money(f.value(name)), money(f.value(name, 2024)), percent(f.growth(name)), percent(f.share(name, "income.revenue")), percent(f.share(name, "income.revenue", 2024))])
    head = [["项目", "2025年", "2024年", "同比增减(%)", "2025年费用率(%)", "2024年费用率(%)"]]
    return [grid(head, rows, [1.8, 2.2, 2.2, 1.2, 1.5, 1.5], "lrrrrr", kinds=[""] * 4 + ["total"])]


def research(f):
    pairs = [("本期费用化研发投入", "income.research"), ("本期资本化研发投入", "research.capitalised"), ("研发投入合计", "total.research")]
    rows = [[label, money(f.value(n)), money(f.value(n, 2024)), percent(f.growth(n))] for label, n in pairs]
    share, share0 = (f.share("total.research", "income.revenue", y) for y in (2025, 2024))
    cap, cap0 = (f.share("research.capitalised", "total.research", y) for y in (2025, 2024))
    heads, heads0 = f.pairs["people.research"]
    of, of0 = (f.share("people.research", "people.total", y) for y in (2025, 2024))
    rows += [["研发投入总额占营业收入比例（%）", percent(share), percent(share0), _points(share - share0)],
             ["研发投入资本化的比重（%）", percent(cap), percent(cap0), _points(cap - cap0)],
             ["公司研发人员的数量（人）", f"{heads:,}", f"{heads0:,}", percent(change(heads, heads0))],
             ["研发人员数量占公司总人数的比例（%）", percent(of), percent(of0), _points(of - of0)]]
    return [grid([["项目", "2025年", "2024年", "变动(%)"]], rows, [4, 2.4, 2.4, 1.8], "lrrr", kinds=["", "", "total"] + [""] * 4)]


def projects(f):
    rows = [
        ["新一代机器人控制平台", "统一多系列机器人控制架构，支持多机协同与离线编程", "已完成平台验证，进入小批量应用", "缩短新机型开发周期，降低单机控制成本"],
        ["高刚性精密减速器", "提升中大负载机型的自制率和寿命", "通过八千小时寿命试验，量产爬坡中", "核心部件自主供应，改善毛利率"],
        ["大容量液冷储能系统", "提高单舱容量与循环效率", "已取得主要海外市场认证并交付首批订单", "支撑海外大型储能项目竞标"],
        ["构网型储能变流器", "满足弱电网接入与黑启动要求", "样机完成并网试验", "拓展新型电力系统应用场景"],
        ["产线数字孪生软件", "虚拟调试与产线节拍优化", "3.0版本发布，在自有工厂全面使用", "带动软件订阅收入"],
        ["视觉引导柔性装配单元", "适应多品种小批量生产", "在消费电子和汽车零部件客户现场试用", "形成标准化产品，缩短交付周期"],
    ]
    return [grid([["主要研发项目", "项目目的", "项目进展", "预计对公司未来发展的影响"]], rows, [2.2, 3, 3, 3], "llll")]


def cash(f):
    rows, kinds = [], []
    for label, kind in (("经营活动", "operating"), ("投资活动", "investing"), ("筹资活动", "financing")):
        for text, name in ((f"{label}现金流入小计", f"{kind}_in"), (f"{label}现金流出小计", f"{kind}_out"), (f"{label}产生的现金流量净额", f"{kind}_cash")):
            name = f"total.{name}"
            rows.append([text, money(f.value(name)), money(f.value(name, 2024)), percent(f.growth(name))])
            kinds.append("total" if text.endswith("净额") else "")
    rows.append(["现金及现金等价物净增加额", money(f.value("total.net_cash")), money(f.value("total.net_cash", 2024)), percent(f.growth("total.net_cash"))])
    return [grid([["项目", "2025年", "2024年", "同比增减(%)"]], rows, [3.6, 2.4, 2.4, 1.5], "lrrr", kinds=kinds + ["total"])]


BALANCE_REASONS = [
    ("balance.cash", "货币资金", "经营活动回款增加"), ("balance.trading", "交易性金融资产", "购买低风险理财产品增加"),
    ("balance.receivables", "应收账款", "收入规模扩大，信用期内应收款相应增加"), ("balance.inventories", "存货", "在手订单增加，备货及发出商品增加"),
    ("balance.fixed_assets", "固定资产", "智慧工厂（二期）等在建工程转固"), ("balance.construction", "在建工程", "项目达到预定可使用状态转入固定资产"),
    ("balance.short_borrowings", "短期借款", "以自有资金归还部分流动资金借款"), ("balance.notes_payable", "应付票据", "以票据结算的采购增加"),
    ("balance.payables", "应付账款", "采购规模扩大"), ("balance.contract_liabilities", "合同负债", "预收产线及储能项目款项增加"),
    ("balance.taxes_payable", "应交税费", "四季度利润增加，应交所得税增加"), ("balance.long_borrowings", "长期借款", "按期归还及重分类至一年内到期"),
]


def balance_moves(f):
    rows = []
    for name, label, why in BALANCE_REASONS:
        rows.append([label, money(f.value(name)), percent(f.share(name, "total.assets")), money(f.value(name, 2024)), percent(f.share(name, "total.assets", 2024)), percent(f.growth(name)), why])
    head = [["项目名称", "本期期末数", "占总资产比例(%)", "上期期末数", "占总资产比例(%)", "变动比例(%)", "情况说明"]]
    return [grid(head, rows, [1.5, 2.1, 1.05, 2.1, 1.05, 1.05, 2.4], "lrrrrrl", size=7.8)]


def restricted(f):
    now = f.value("notes.restricted.restricted")
    return [grid([["项目", "期末账面价值", "受限原因"]], [["货币资金", money(now), "银行承兑汇票保证金、保函保证金等"], ["合计", money(now), ""]], [2, 3, 5], "lrl", kinds=["", "total"])]


def subsidiaries(f):
    rows = [["岚序机器人有限公司", "机器人及核心部件研发制造", "20,000.00", "100.00"], ["岚序储能科技有限公司", "储能系统研发制造", "15,000.00", "92.50"],
            ["岚序工业软件有限公司", "工业软件开发与服务", "8,000.00", "100.00"], ["岚序装备（海外）有限公司", "境外销售与服务", "5,000.00", "100.00"]]
    return [grid([["公司名称", "主要业务", "注册资本（万元）", "持股比例（%）"]], rows, [3, 3.4, 1.8, 1.5], "llrr")]


def people(f):
    total = f.value("people.total")
    rows = [["在职员工的数量合计（人）", f"{total:,}"], ["专业构成", ""]]
    rows += [[label, f"{n:,}"] for label, n in f.data["people_parts"].values()]
    rows += [["教育程度", ""]] + [[label, f"{n:,}"] for label, n in f.data["people_schooling"].values()]
    kinds = ["total", "group"] + [""] * 5 + ["group"] + [""] * 4
    return [grid([["类别", "数量（人）"]], rows, [6, 4], "lr", kinds=kinds)]


def board(f):
    rows = [["董事长", "现任", "3年"], ["副董事长、总经理", "现任", "3年"], ["董事、财务总监", "现任", "3年"], ["董事（股东提名）两名", "现任", "3年"], ["职工代表董事", "现任", "3年"],
            ["独立董事三名", "现任", "3年"], ["副总经理三名", "现任", "3年"], ["董事会秘书", "现任", "3年"]]
    return [grid([["职务（样例不列姓名）", "任职状态", "任期"]], rows, [6, 2, 2], "lcc")]


def share_structure(f):
    s = f.data["shares"]
    free, total = s["total"] - s["restricted"], s["total"]
    line = lambda label, n: [label, f"{n:,}", percent(rounded(n * 100 / _D(total))), "-", f"{n:,}", percent(rounded(n * 100 / _D(total)))]
    rows = [line("一、有限售条件股份", s["restricted"]), line("二、无限售条件流通股份", free), line("三、股份总数", total)]
    return [grid([["项目", "变动前数量（股）", "比例(%)", "本次变动增减", "变动后数量（股）", "比例(%)"]], rows, [2.6, 2.2, 1, 1.3, 2.2, 1], "lrrrrr", kinds=["", "", "total"])]


def _D(value):
    return rounded(value, 0)


def holders(f):
    total = f.data["shares"]["total"]
    rows = [[h["name"], h["kind"], f"{h['change']:,}" if h["change"] else "-", f"{h['shares']:,}", percent(rounded(_D(h["shares"]) * 100 / total)), "无"] for h in f.data["holders"]]
    return [grid([["股东名称", "股东性质", "报告期内增减", "期末持股数量（股）", "比例(%)", "质押、标记或冻结"]], rows, [3.6, 1.6, 1.5, 1.9, 0.9, 1.2], "llrrrc", size=8)]


def subsidies(f):
    now, before = f.pairs["total.dividend"]
    rows = [["2025年度（预案）", f"{f.data['shares']['dividend_2025']}", money(now), money(f.value("income.attributable")), percent(rounded(now / f.value("income.attributable") * 100))],
            ["2024年度", f"{f.data['shares']['dividend_2024']}", money(before), money(f.value("income.attributable", 2024)), percent(rounded(before / f.value("income.attributable", 2024) * 100))]]
    return [grid([["分红年度", "每10股派息（含税，元）", "现金分红总额（含税）", "归属于上市公司股东的净利润", "分红比例(%)"]], rows, [1.8, 1.6, 2.4, 2.6, 1.2], "lrrrr")]


def parties(f):
    rows = []
    for key, whole in (("customers", "income.revenue"), ("suppliers", "cash.op_bought")):
        label = f.rows("parties")[0 if key == "customers" else 1][1]
        name = f"parties.{key}"
        rows.append([label, money(f.value(name)), percent(f.share(name, whole)), money(f.value(name, 2024)), percent(f.share(name, whole, 2024))])
    return [grid([["项目", "2025年", "占比(%)", "2024年", "占比(%)"]], rows, [2.6, 2.4, 1, 2.4, 1], "lrrrr")]


def environment(f):
    rows = [["综合能源消费量", "吨标准煤", "186,420", "171,350", percent(change(186420, 171350))], ["万元产值综合能耗", "吨标准煤／万元", "0.0364", "0.0397", percent(change(364, 397))],
            ["光伏自发自用电量", "万千瓦时", "9,870", "7,240", percent(change(9870, 7240))], ["用水量", "万吨", "312.6", "298.4", percent(change(3126, 2984))],
            ["温室气体排放量（范围一和范围二）", "万吨二氧化碳当量", "61.8", "60.9", percent(change(618, 609))], ["一般固体废物综合利用率", "%", "94.60", "92.10", "增加2.50个百分点"]]
    return [grid([["指标", "单位", "2025年", "2024年", "变动(%)"]], rows, [3.4, 2, 1.6, 1.6, 1.8], "lcrrr")]


TABLES = {fn.__name__: fn for fn in (company, glossary, key_figures, key_ratios, quarterly, nonrecurring, analysis, main_business, volumes, cost_parts, expenses, research, projects, cash,
                                     balance_moves, restricted, subsidiaries, people, board, share_structure, holders, parties, environment)} | {"dividends": subsidies}
