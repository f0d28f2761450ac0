// What the mock server has to say: passages of a Chinese annual report, code, and answers in every shape.

export const PASSAGES = [
  [
    12,
    '主要会计数据',
    '报告期内，公司实现营业收入 512.4 亿元，同比增长 18.6%；归属于上市公司股东的净利润 86.1 亿元，同比增长 34.7%。',
  ],
  [
    38,
    '费用分析',
    '期间费用率同比下降 2.1 个百分点，其中销售费用率下降 1.2 个百分点，管理费用率下降 0.9 个百分点。',
  ],
  [
    57,
    '合并现金流量表',
    '经营活动产生的现金流量净额 | 97.8 | 71.2\n投资活动产生的现金流量净额 | -42.6 | -38.9\n筹资活动产生的现金流量净额 | -21.4 | -9.7',
  ],
  [41, '研发投入', '全年研发投入 42.0 亿元，占营业收入的 8.2%，较上年下降 0.7 个百分点，研发人员 6,218 人。'],
  [63, '风险因素', '原材料价格波动、汇率变动及海外市场政策变化可能对公司经营业绩产生不利影响。'],
]

export const PYTHON = `import pandas as pd
import matplotlib.pyplot as plt

df = pd.DataFrame({
    "quarter": ["2025 Q1", "Q2", "Q3", "Q4"],
    "revenue": [98.2, 118.7, 131.9, 163.6],   # 亿元
    "margin":  [14.1, 15.8, 17.2, 19.3],      # %
})
ax = df.plot.bar(x="quarter", y="revenue", color="#6366f1")
df.plot(x="quarter", y="margin", ax=ax, secondary_y=True)
plt.savefig("revenue.png", dpi=160)
print(df.to_string(index=False))
print("全年营收:", round(df.revenue.sum(), 1), "亿元")`

export const LOGS = `quarter  revenue  margin
2025 Q1     98.2    14.1
     Q2    118.7    15.8
     Q3    131.9    17.2
     Q4    163.6    19.3
全年营收: 512.4 亿元`

export const SQL = `SELECT quarter, revenue,
       round(revenue * margin / 100, 1) AS net_profit
FROM report
ORDER BY quarter;`

export const ANSWER = `公司 2025 年营收与利润双双增长，**盈利质量明显改善**。[1] 主要结论如下：

1. 全年营收 **512.4 亿元**，同比增长 **18.6%**，四季度环比加速。[1]
2. 净利率由 14.1% 提升至 19.3%，主要来自费用率下降。[2]
3. 经营性现金流 97.8 亿元，为净利润的 1.14 倍。[3]

| 指标 | 2024 | 2025 | 同比 |
| :-- | --: | --: | --: |
| 营业收入（亿元） | 432.0 | 512.4 | +18.6% |
| 归母净利润（亿元） | 63.9 | 86.1 | +34.7% |
| 经营现金流（亿元） | 71.2 | 97.8 | +37.4% |
| 研发费用率 | 8.9% | 8.2% | −0.7 pp |

### 值得关注

- 研发投入占比略有下降，需要观察是否影响后续新品节奏。[4]
- 预计下一季度营收在 160~175 亿元之间，取决于海外订单。

计算过程可以用下面的代码复现：

\`\`\`python
revenue = [98.2, 118.7, 131.9, 163.6]
print(sum(revenue))          # 512.4
\`\`\`
`

export const CHART = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 460" font-family="Inter, 'Noto Sans CJK SC', sans-serif"><rect width="960" height="460" fill="#fff"/><text x="36" y="40" font-size="22" font-weight="600" fill="#1f2937">季度营收（亿元）与净利率</text><g stroke="#e5e7eb">${[0, 1, 2, 3, 4].map((n) => `<path d="M90 ${390 - n * 72}H920"/>`).join('')}</g><g font-size="17" fill="#6b7280">${[0, 45, 90, 135, 180].map((n, at) => `<text x="76" y="${396 - at * 72}" text-anchor="end">${n}</text>`).join('')}${['2025 Q1', 'Q2', 'Q3', 'Q4'].map((n, at) => `<text x="${194 + at * 206}" y="424" text-anchor="middle">${n}</text>`).join('')}</g><g fill="#6366f1">${[98.2, 118.7, 131.9, 163.6].map((n, at) => `<rect x="${144 + at * 206}" y="${390 - n * 1.6}" width="100" height="${n * 1.6}" rx="5"/>`).join('')}</g><g font-size="17" fill="#374151" text-anchor="middle">${[98.2, 118.7, 131.9, 163.6].map((n, at) => `<text x="${194 + at * 206}" y="${382 - n * 1.6}">${n}</text>`).join('')}</g><polyline fill="none" stroke="#10b981" stroke-width="3" points="194,118 400,104 606,92 812,76"/><g fill="#fff" stroke="#10b981" stroke-width="3">${[118, 104, 92, 76].map((y, at) => `<circle cx="${194 + at * 206}" cy="${y}" r="6"/>`).join('')}</g></svg>`

export const FORMULAS = `**“重点”**内容：净资产收益率 $ROE = \\frac{净利润}{净资产}$，不是 $5 或 $10。

$$
\\begin{aligned}
NPV &= \\sum_{t=1}^{n} \\frac{C_t}{(1+r)^t} \\\\
    &- C_0
\\end{aligned}
$$

也可以写成 \\(a^2 + b^2 = c^2\\)。[安全链接](https://example.com) 与 [不安全](javascript:alert(1))。
`

/** Four hundred kilobytes in every shape: prose, a table, a list, code, a line without end. */
export function longAnswer() {
  const many = (n, line) => Array.from({ length: n }, (_, at) => line(at)).join('')
  return [
    many(1200, (n) => `第 ${n} 段：营业收入 **${n}** 亿元，同比增长 3%，见第 ${n} 页。[1]\n\n`),
    `| 项目 | 2024 | 2023 |\n| --- | ---: | ---: |\n${many(3000, (n) => `| 行 ${n} | ${n}.1 | ${n}.2 |\n`)}\n`,
    `${many(3000, (n) => `- 条目 ${n}\n`)}\n`,
    `\`\`\`python\n${many(4000, (n) => `print(${n})\n`)}\`\`\`\n\n`,
    many(9000, (n) => `word${n} `),
    '\n\n末尾\n',
  ].join('')
}
