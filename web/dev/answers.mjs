// What the mock server has to say that no run was recorded with: a picture, formulas, and an answer in every shape.

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
