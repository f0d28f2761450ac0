//! The figures that the analyst knows by name: how people ask for them and how reports label them.
//!
//! Labels are in order of preference: "net income attributable to" is the headline of a group and stands before plain
//! "net income". All words are lower case; labels are compared after [`super::label::normal`].

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// An amount of money.
    Amount,
    /// Money paid out, which statements show as negative; people ask for it as positive.
    Outflow,
    /// Money per share: the unit of the table does not apply.
    PerShare,
    /// A percentage: changes are percentage points.
    Percent,
    /// A number of people or things.
    Count,
}

/// Where a figure belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    Income,
    Balance,
    Cash,
}

/// A figure.
#[derive(Debug)]
pub(crate) struct Metric {
    /// A short word for code and tests.
    pub id: &'static str,
    pub chinese: &'static str,
    pub english: &'static str,
    /// What people write when they mean it.
    pub asked: &'static [&'static str],
    /// How its row is labelled, best first.
    pub labels: &'static [&'static str],
    /// A label with one of these is another figure.
    pub not: &'static [&'static str],
    pub nature: Nature,
    pub statement: Statement,
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The figure with this id.
pub(crate) fn by_id(id: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.id == id)
}

/// What "analyse the report" looks at, in the order of the answer.
pub(crate) const OVERVIEW: [&str; 13] = [
    "revenue",
    "cost_of_sales",
    "gross_profit",
    "rnd",
    "operating_income",
    "net_income",
    "net_income_excl",
    "eps_basic",
    "ocf",
    "capex",
    "total_assets",
    "total_liabilities",
    "equity",
];

macro_rules! metrics {
    ($($id:literal, $chinese:literal, $english:literal, $nature:ident, $statement:ident,
        asked [$($asked:literal),* $(,)?], labels [$($label:literal),* $(,)?], not [$($not:literal),* $(,)?];)*) => {
        /// All of them.
        pub(crate) static ALL: &[Metric] = &[$(Metric {
            id: $id, chinese: $chinese, english: $english, nature: Nature::$nature, statement: Statement::$statement,
            asked: &[$($asked),*], labels: &[$($label),*], not: &[$($not),*],
        }),*];
    };
}

metrics! {
    "revenue", "营业收入", "Revenue", Amount, Income,
    asked ["revenue", "revenues", "net sales", "sales", "turnover", "top line", "营业收入", "营收", "收入", "销售额", "营业额", "主营业务收入"],
    labels ["营业收入", "net sales", "total net sales", "total net revenue", "total net revenues", "net revenue", "net revenues", "total revenue",
        "total revenues", "revenues net of interest expense", "total revenues net of interest expense", "net operating revenues", "revenue",
        "revenues", "营业总收入", "sales", "主营业务收入", "报告期内实现营业收入"],
    not ["cost", "percent", "%", "deferred", "unearned", "营业外收入", "其他业务收入", "growth", "占营业收入", "占营收", "扣除", "利息收入", "comparable",
        "营业成本", "外部收入", "change", "营业收入扣除"];

    "cost_of_sales", "营业成本", "Cost of sales", Amount, Income,
    asked ["cost of sales", "cost of goods", "cost of revenue", "cogs", "营业成本", "销售成本"],
    labels ["营业成本", "cost of sales", "cost of goods sold", "total cost of revenue", "cost of revenue", "cost of revenues", "主营业务成本"],
    not ["percent", "%", "占营业成本", "营业总成本", "change"];

    "gross_profit", "毛利", "Gross profit", Amount, Income,
    asked ["gross profit", "毛利额", "毛利润"],
    labels ["gross profit", "毛利", "毛利润", "gross margin"],
    not ["%", "percent", "毛利率", "change"];

    "gross_margin", "毛利率", "Gross margin", Percent, Income,
    asked ["gross margin", "毛利率"],
    labels ["毛利率", "综合毛利率", "gross margin", "gross profit margin", "主营业务毛利率"],
    not ["change", "增减"];

    "net_margin", "净利率", "Net margin", Percent, Income,
    asked ["net margin", "profit margin", "净利率", "净利润率", "销售净利率"],
    labels ["净利率", "销售净利率", "net profit margin", "net margin"],
    not ["change"];

    "operating_income", "营业利润", "Operating income", Amount, Income,
    asked ["operating income", "operating profit", "ebit", "营业利润", "经营利润"],
    labels ["营业利润", "operating income", "total operating income", "operating profit", "income from operations", "earnings from operations",
        "operating earnings", "operating income loss"],
    not ["percent", "%", "margin", "non-operating", "营业利润率", "business segment", "change"];

    "pretax_income", "利润总额", "Income before taxes", Amount, Income,
    asked ["income before tax", "pretax", "pre-tax", "profit before tax", "利润总额", "税前利润"],
    labels ["利润总额", "income before income taxes", "income before income tax provision", "income before taxes", "pretax income", "profit before tax",
        "earnings before income taxes", "income before provision for income taxes"],
    not ["percent", "%", "change"];

    "tax", "所得税费用", "Income tax", Amount, Income,
    asked ["income tax", "tax expense", "provision for income taxes", "所得税"],
    labels ["所得税费用", "provision for income taxes", "income tax expense", "income tax provision", "income taxes", "provision for taxes"],
    not ["before", "deferred", "递延", "paid", "accrued", "change"];

    "net_income", "净利润", "Net income", Amount, Income,
    asked ["net income", "net profit", "net earnings", "net loss", "profit", "earnings", "bottom line", "净利润", "净利", "利润", "盈利"],
    labels ["归属于上市公司股东的净利润", "归属于母公司股东的净利润", "归属于母公司所有者的净利润", "归属于本公司股东的净利润",
        "net income attributable to", "net earnings attributable to", "profit attributable to", "net income loss attributable to",
        "净利润", "net income", "net earnings", "net income loss", "profit for the year", "profit for the period", "net profit",
        "net income including noncontrolling interest"],
    not ["扣除非经常性", "扣非", "noncontrolling interest net", "attributable to noncontrolling", "attributable to non-controlling", "less net income",
        "per share", "%", "percent", "持续经营", "终止经营", "净利润率", "adjusted", "discontinued", "占归属", "comprehensive", "每股", "adjustments to reconcile",
        "reconcile", "将净利润", "continuing operations", "净利润的比", "change", "participating", "调节"];

    "net_income_excl", "扣非净利润", "Net income before non-recurring items", Amount, Income,
    asked ["扣非", "扣除非经常性损益", "non-recurring"],
    labels ["归属于上市公司股东的扣除非经常性损益的净利润", "归属于上市公司股东的扣除非经常性损益后的净利润", "扣除非经常性损益后的净利润",
        "扣除非经常性损益的净利润", "扣除非经常性损益后归属于母公司股东的净利润"],
    not ["每股", "收益率"];

    "rnd", "研发费用", "Research and development", Amount, Income,
    asked ["r&d", "research", "研发", "研究开发"],
    labels ["研发费用", "research development and related expenses", "research and development", "research and development expense",
        "research and development expenses", "technology and development", "technology and content", "研发投入合计"],
    not ["%", "percent", "比例", "人员", "占", "in-process", "change"];

    "selling", "销售费用", "Selling expense", Amount, Income,
    asked ["selling expense", "sg&a", "selling, general", "marketing expense", "销售费用"],
    labels ["销售费用", "selling general and administrative expenses", "selling general and administrative", "sales and marketing", "selling expenses",
        "marketing"],
    not ["%", "percent", "change"];

    "admin", "管理费用", "Administrative expense", Amount, Income,
    asked ["administrative expense", "admin expense", "管理费用"],
    labels ["管理费用", "general and administrative", "administrative expenses"],
    not ["%", "percent", "selling", "change"];

    "finance_cost", "财务费用", "Finance cost", Amount, Income,
    asked ["finance cost", "interest expense", "财务费用", "利息费用", "利息支出"],
    labels ["财务费用", "interest expense", "finance costs", "interest expense net", "利息费用"],
    not ["%", "net of interest expense", "change"];

    "eps_basic", "基本每股收益", "Basic earnings per share", PerShare, Income,
    asked ["basic eps", "eps", "earnings per share", "每股收益", "基本每股收益"],
    labels ["基本每股收益", "earnings per share attributable to 3m common shareholders basic", "basic earnings per share", "basic net income per share",
        "earnings per share basic", "net income per share basic", "net income per common share basic", "basic earnings per common share", "basic eps",
        "net income attributable to 3m basic", "basic"],
    not ["diluted", "稀释", "扣除", "shares outstanding", "weighted", "加权", "change"];

    "eps_diluted", "稀释每股收益", "Diluted earnings per share", PerShare, Income,
    asked ["diluted eps", "diluted earnings", "eps", "earnings per share", "稀释每股收益"],
    labels ["稀释每股收益", "earnings per share attributable to 3m common shareholders diluted", "diluted earnings per share", "diluted net income per share",
        "earnings per share diluted", "net income per share diluted", "net income per common share diluted", "diluted earnings per common share",
        "diluted eps", "net income attributable to 3m diluted", "diluted"],
    not ["basic", "扣除", "shares outstanding", "weighted", "加权", "adjusted", "change"];

    "roe", "加权平均净资产收益率", "Return on equity", Percent, Income,
    asked ["return on equity", "roe", "净资产收益率"],
    labels ["加权平均净资产收益率", "return on equity", "return on average equity", "净资产收益率"],
    not ["扣除"];

    "ocf", "经营现金流净额", "Operating cash flow", Amount, Cash,
    asked ["operating cash flow", "operating cash flows", "operating cash", "operating activities", "cash flow from operations", "cash from operations", "cash flow",
        "cash flows", "经营活动产生的现金流量净额", "经营活动现金流", "经营性现金流", "经营现金流", "经营活动", "现金流"],
    labels ["经营活动产生的现金流量净额", "经营活动现金流量净额", "net cash provided by operating activities", "net cash provided by used in operating activities",
        "net cash provided by used for operating activities", "net cash from operating activities", "cash flow from operations", "cash provided by operating activities",
        "net cash flows from operating activities", "net cash flow provided by operating activities"],
    not ["每股", "adjustments", "%", "discontinued", "change", "将净利润"];

    "capex", "资本开支", "Capital expenditure", Outflow, Cash,
    asked ["capex", "capital expenditure", "capital expenditures", "capital spending", "capital investment", "purchases of property", "pp&e",
        "购建固定资产", "资本开支", "资本支出", "资本性支出", "固定资产投资"],
    labels ["购建固定资产无形资产和其他长期资产支付的现金", "购建固定资产无形资产和其他长期资产所支付的现金", "购建固定资产无形资产和其他长期",
        "purchases of property plant and equipment", "purchases of property and equipment", "purchase of property plant and equipment",
        "purchase of property and equipment", "capital expenditures", "capital expenditure", "additions to property and equipment",
        "additions to property plant and equipment", "purchases of property and equipment net", "payments for property plant and equipment",
        "capital expenditures net", "total capital expenditures", "资本性支出", "capital spending"],
    not ["%", "percent", "included in", "accrued", "non-cash", "noncash", "处置", "proceeds", "incurred but", "not yet paid", "change", "unpaid"];

    "fcf", "自由现金流", "Free cash flow", Amount, Cash,
    asked ["free cash flow", "fcf", "自由现金流"],
    labels ["free cash flow", "自由现金流", "free cash flow non-gaap measure"],
    not ["conversion", "%", "change"];

    "icf", "投资现金流净额", "Investing cash flow", Amount, Cash,
    asked ["investing activities", "investing cash flow", "投资活动产生的现金流量净额", "投资活动现金流", "投资活动", "现金流", "cash flows"],
    labels ["投资活动产生的现金流量净额", "net cash provided by used in investing activities", "net cash used in investing activities",
        "net cash used for investing activities", "net cash from investing activities", "net cash provided by investing activities"],
    not ["%", "discontinued"];

    "fincf", "筹资现金流净额", "Financing cash flow", Amount, Cash,
    asked ["financing activities", "financing cash flow", "筹资活动产生的现金流量净额", "筹资活动现金流", "融资活动现金流", "筹资活动", "融资活动",
        "现金流", "cash flows"],
    labels ["筹资活动产生的现金流量净额", "net cash provided by used in financing activities", "net cash used in financing activities",
        "net cash used for financing activities", "net cash from financing activities", "net cash provided by financing activities"],
    not ["%", "discontinued"];

    "dividends", "现金分红", "Dividends paid", Outflow, Cash,
    asked ["dividend", "dividends", "分红", "股利", "派息"],
    labels ["分配股利利润或偿付利息支付的现金", "dividends paid to shareholders", "dividends paid", "cash dividends paid", "payments of dividends",
        "payment of dividends", "cash dividends declared and paid", "现金分红的金额", "现金分红金额"],
    not ["per share", "每股", "每10股", "%"];

    "depreciation", "折旧与摊销", "Depreciation and amortization", Amount, Cash,
    asked ["depreciation", "amortization", "d&a", "折旧", "摊销"],
    labels ["depreciation and amortization", "depreciation amortization and accretion", "固定资产折旧", "depreciation", "固定资产折旧油气资产折耗生产性生物资产折旧"],
    not ["accumulated", "累计", "%", "change"];

    "cash", "货币资金", "Cash and cash equivalents", Amount, Balance,
    asked ["cash and cash equivalents", "cash balance", "cash position", "how much cash", "货币资金", "现金余额", "账上现金"],
    labels ["货币资金", "cash and cash equivalents", "cash and cash equivalents at end of period", "cash and cash equivalents at end of year",
        "期末现金及现金等价物余额"],
    not ["beginning", "期初", "increase", "change", "effect", "restricted", "净增加"];

    "receivables", "应收账款", "Accounts receivable", Amount, Balance,
    asked ["receivable", "receivables", "应收账款", "应收款"],
    labels ["应收账款", "accounts receivable net", "accounts receivable", "trade receivables", "receivables net", "trade receivables net"],
    not ["周转", "坏账", "%", "融资", "change", "allowance"];

    "inventory", "存货", "Inventories", Amount, Balance,
    asked ["inventory", "inventories", "存货", "库存"],
    labels ["存货", "inventories", "total inventories", "inventories net", "merchandise inventories", "merchandise inventories net", "inventory"],
    not ["周转", "跌价", "%", "change", "减少", "增加"];

    "current_assets", "流动资产合计", "Total current assets", Amount, Balance,
    asked ["current assets", "current ratio", "流动资产", "流动比率"],
    labels ["流动资产合计", "total current assets"],
    not ["非流动资产", "其他流动资产", "noncurrent"];

    "fixed_assets", "固定资产", "Property, plant and equipment", Amount, Balance,
    asked ["property, plant and equipment", "fixed assets", "固定资产"],
    labels ["固定资产", "property plant and equipment net", "property and equipment net", "property plant and equipment"],
    not ["购建", "处置", "purchases", "accumulated", "%", "折旧", "清理", "gross", "proceeds"];

    "goodwill", "商誉", "Goodwill", Amount, Balance,
    asked ["goodwill", "商誉"], labels ["商誉", "goodwill", "goodwill net"], not ["impairment", "减值", "%", "accumulated"];

    "total_assets", "总资产", "Total assets", Amount, Balance,
    asked ["total assets", "assets", "总资产", "资产总额", "资产总计", "资产规模"],
    labels ["总资产", "资产总计", "total assets", "资产合计", "资产总额"],
    not ["current", "流动", "净资产", "%", "return on", "liabilities and", "净额", "占总资产", "net assets"];

    "current_liabilities", "流动负债合计", "Total current liabilities", Amount, Balance,
    asked ["current liabilities", "current ratio", "流动负债", "流动比率"],
    labels ["流动负债合计", "total current liabilities"],
    not ["非流动负债", "其他流动负债", "noncurrent"];

    "short_debt", "短期借款", "Short-term debt", Amount, Balance,
    asked ["short-term debt", "short-term borrowings", "debt", "短期借款", "借款", "有息负债"],
    labels ["短期借款", "short-term borrowings and current portion of long-term debt", "short-term debt", "short-term borrowings", "short term borrowings",
        "current portion of long-term debt"],
    not ["change", "repayment", "%", "利息", "加权"];

    "long_debt", "长期借款", "Long-term debt", Amount, Balance,
    asked ["long-term debt", "debt", "borrowings", "长期借款", "借款", "有息负债"],
    labels ["长期借款", "long-term debt", "long-term debt net", "long-term debt excluding portion due within one year", "long term debt", "total long-term debt"],
    not ["current portion", "repayment", "%", "一年内到期", "proceeds", "weighted"];

    "total_liabilities", "总负债", "Total liabilities", Amount, Balance,
    asked ["total liabilities", "liabilities", "liability", "leverage", "总负债", "负债"],
    labels ["负债合计", "总负债", "total liabilities", "负债总计", "负债总额"],
    not ["current", "流动负债", "equity", "所有者权益", "股东权益", "%", "net assets"];

    "equity", "归属于母公司股东的净资产", "Shareholders' equity", Amount, Balance,
    asked ["equity", "net assets", "book value", "净资产", "股东权益", "所有者权益"],
    labels ["归属于上市公司股东的净资产", "归属于母公司所有者权益合计", "归属于母公司股东权益合计", "total 3m company shareholders' equity",
        "total shareholders' equity", "total stockholders' equity", "shareholders' equity", "stockholders' equity", "total equity", "所有者权益合计", "股东权益合计",
        "归属于母公司所有者权益"],
    not ["liabilities and", "负债和", "%", "return on", "收益率", "total liabilities", "change", "method"];

    "employees", "员工人数", "Employees", Count, Income,
    asked ["employees", "headcount", "员工", "在职员工"],
    labels ["在职员工的数量合计", "员工总数", "在职员工合计", "total employees"],
    not [];
}
