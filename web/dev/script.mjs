// What the mock server plays: the events of one run over a Chinese annual report.

import { ANSWER, FORMULAS, LOGS, longAnswer, PASSAGES, PYTHON, SQL } from './answers.mjs'

/** Cuts text into pieces as a model would send them. */
function pieces(text, size) {
  const letters = Array.from(text)
  const cut = []
  for (let at = 0; at < letters.length; at += size) cut.push(letters.slice(at, at + size).join(''))
  return cut
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
