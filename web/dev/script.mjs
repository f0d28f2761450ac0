// What the mock server plays: the events of one run over a Chinese annual report.

const PASSAGES = [
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

const PYTHON = `import pandas as pd
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

const LOGS = `quarter  revenue  margin
2025 Q1     98.2    14.1
     Q2    118.7    15.8
     Q3    131.9    17.2
     Q4    163.6    19.3
全年营收: 512.4 亿元`

const SQL = `SELECT quarter, revenue,
       round(revenue * margin / 100, 1) AS net_profit
FROM report
ORDER BY quarter;`

const ANSWER = `公司 2025 年营收与利润双双增长，**盈利质量明显改善**。[1] 主要结论如下：

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

/** Cuts text into pieces as a model would send them. */
function pieces(text, size) {
  const letters = Array.from(text)
  const cut = []
  for (let at = 0; at < letters.length; at += size) cut.push(letters.slice(at, at + size).join(''))
  return cut
}

const FORMULAS = `**“重点”**内容：净资产收益率 $ROE = \\frac{净利润}{净资产}$，不是 $5 或 $10。

$$
\\begin{aligned}
NPV &= \\sum_{t=1}^{n} \\frac{C_t}{(1+r)^t} \\\\
    &- C_0
\\end{aligned}
$$

也可以写成 \\(a^2 + b^2 = c^2\\)。[安全链接](https://example.com) 与 [不安全](javascript:alert(1))。
`

/** Four hundred kilobytes in every shape: prose, a table, a list, code, a line without end. */
function longAnswer() {
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

/**
 * The run of one question as an async generator of `[pause_ms, event]`. The caller numbers the events,
 * keeps them and may stop in between. `words` in the question choose a failure to play.
 */
export function* play({ question, filename, fileId, ids, now }) {
  const long = question.includes('长文')
  const answer = long ? longAnswer() : question.includes('公式') ? FORMULAS : ANSWER
  const search = {
    type: 'file_search_call',
    id: ids('fs'),
    queries: ['营业收入 净利润 同比', '费用率 变动', '经营活动 现金流量净额'],
  }
  const results = PASSAGES.map(([page, heading, text], at) => ({
    file_id: fileId,
    filename,
    score: 0.92 - at * 0.06,
    text,
    attributes: { page, page_end: page, heading, number: at + 1 },
  }))
  let started = now()
  const extra = (tool, more = {}) => ({ tool, started_at_ms: started, ...more })

  yield [
    700,
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...search, status: 'in_progress', results: null, septet: extra('knowledge_search') },
    },
  ]
  yield [80, { type: 'response.file_search_call.in_progress', output_index: 0, item_id: search.id }]
  yield [80, { type: 'response.file_search_call.searching', output_index: 0, item_id: search.id }]
  yield [700, { type: 'response.file_search_call.completed', output_index: 0, item_id: search.id }]
  yield [
    20,
    {
      type: 'response.output_item.done',
      output_index: 0,
      item: {
        ...search,
        status: 'completed',
        results,
        septet: extra('knowledge_search', { duration_ms: now() - started }),
      },
    },
  ]

  if (question.includes('模型断开')) {
    yield [
      600,
      {
        type: 'response.failed',
        error: { code: 'provider_unreachable', message: 'openai: connection refused' },
      },
    ]
    return
  }

  const code = { type: 'code_interpreter_call', id: ids('ci'), container_id: 'cntr_mock' }
  const late = question.includes('超时')
  yield* run(code, 1, late ? 'while True:\n    pass' : PYTHON, 'run_python', 'python', late)
  if (question.includes('SQL')) yield* run({ ...code, id: ids('ci') }, 2, SQL, 'run_sql', 'sql', false)
  const at = question.includes('SQL') ? 3 : 2

  function* run(item, index, source, tool, language, fails) {
    yield [900, null]
    started = now()
    yield [
      0,
      {
        type: 'response.output_item.added',
        output_index: index,
        item: { ...item, status: 'in_progress', code: '', outputs: null, septet: extra(tool, { language }) },
      },
    ]
    yield [30, { type: 'response.code_interpreter_call.in_progress', output_index: index, item_id: item.id }]
    for (const delta of pieces(source, 14))
      yield [
        22,
        { type: 'response.code_interpreter_call_code.delta', output_index: index, item_id: item.id, delta },
      ]
    yield [
      20,
      {
        type: 'response.code_interpreter_call_code.done',
        output_index: index,
        item_id: item.id,
        code: source,
      },
    ]
    yield [40, { type: 'response.code_interpreter_call.interpreting', output_index: index, item_id: item.id }]
    yield [1100, { type: 'response.code_interpreter_call.completed', output_index: index, item_id: item.id }]
    const outputs = fails
      ? []
      : language === 'sql'
        ? [
            {
              type: 'logs',
              logs: 'quarter | revenue | net_profit\n2025 Q1 |    98.2 |       13.8\nQ2      |   118.7 |       18.8\n',
            },
          ]
        : [
            { type: 'logs', logs: LOGS },
            { type: 'image', url: '/v1/containers/cntr_mock/files/cfile_chart/content' },
          ]
    const files =
      fails || language === 'sql'
        ? []
        : [
            {
              id: 'cfile_chart',
              container_id: 'cntr_mock',
              name: 'revenue.png',
              mime: 'image/png',
              bytes: 48213,
            },
            { id: 'cfile_table', name: 'quarters.csv', mime: 'text/csv', bytes: 120 },
          ]
    yield [
      30,
      {
        type: 'response.output_item.done',
        output_index: index,
        item: {
          ...item,
          status: fails ? 'failed' : 'completed',
          code: source,
          outputs,
          septet: extra(tool, {
            language,
            duration_ms: now() - started,
            files,
            error: fails ? { code: 'timeout', message: 'the code ran longer than 30 s' } : null,
          }),
        },
      },
    ]
  }

  yield [800, null]
  started = now()
  const id = ids('msg')
  const message = {
    type: 'message',
    id,
    role: 'assistant',
    status: 'in_progress',
    content: [],
    septet: extra(),
  }
  const where = { output_index: at, item_id: id, content_index: 0 }
  yield [0, { type: 'response.output_item.added', output_index: at, item: message }]
  yield [
    10,
    {
      type: 'response.content_part.added',
      ...where,
      part: { type: 'output_text', text: '', annotations: [] },
    },
  ]
  const annotations = []
  let sent = ''
  for (const delta of pieces(answer, long ? 8000 : 4)) {
    sent += delta
    yield [long ? 2 : 28, { type: 'response.output_text.delta', ...where, delta }]
    for (const found of sent.matchAll(/\[(\d)\]/g)) {
      if (annotations.some((note) => note.index === found.index)) continue
      const [page, heading, quote] = PASSAGES[Number(found[1]) - 1]
      const note = {
        type: 'file_citation',
        file_id: fileId,
        filename,
        index: found.index,
        marker: found[0],
        page,
        page_end: page,
        quote,
        heading,
      }
      annotations.push(note)
      yield [
        0,
        {
          type: 'response.output_text.annotation.added',
          ...where,
          annotation_index: annotations.length - 1,
          annotation: note,
        },
      ]
    }
  }
  const part = { type: 'output_text', text: answer, annotations }
  yield [10, { type: 'response.output_text.done', ...where, text: answer }]
  yield [5, { type: 'response.content_part.done', ...where, part }]
  yield [
    5,
    {
      type: 'response.output_item.done',
      output_index: at,
      item: {
        ...message,
        status: 'completed',
        content: [part],
        septet: extra(undefined, { duration_ms: now() - started }),
      },
    },
  ]
  yield [60, { type: 'response.completed' }]
}
