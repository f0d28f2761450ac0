// Three runs as they came over the wire, shortened.

import type { RunEvent } from '../api/types'

const number = (events: object[]) =>
  events.map((event, at) => ({ ...event, sequence_number: at })) as RunEvent[]

const response = {
  id: 'resp_1',
  status: 'in_progress',
  created_at: 1790000000,
  model: 'agent:analyst',
  output: [],
  conversation: { id: 'conv_1' },
}
const search = {
  type: 'file_search_call',
  id: 'fs_1',
  queries: ['营业收入'],
  septet: { tool: 'knowledge_search', started_at_ms: 1790000000500 },
}
const results = [
  {
    file_id: 'file-1',
    filename: '年报.pdf',
    score: 0.9,
    text: '营业收入 512.4 亿元，同比增长 18.6%',
    attributes: { page: 12, page_end: 12, heading: '主要会计数据', number: 1 },
  },
  {
    file_id: 'file-1',
    filename: '年报.pdf',
    score: 0.7,
    text: '费用率下降',
    attributes: { page: 0, page_end: 0, heading: '', number: 2 },
  },
]
const searched = { ...search, status: 'completed', results, septet: { ...search.septet, duration_ms: 400 } }
const code = {
  type: 'code_interpreter_call',
  id: 'ci_1',
  container_id: 'cntr_1',
  septet: { tool: 'run_python', language: 'python', started_at_ms: 1790000001500 },
}
const ran = {
  ...code,
  status: 'completed',
  code: 'print(512.4)',
  outputs: [
    { type: 'logs', logs: '512.4\n' },
    { type: 'image', url: '/v1/containers/cntr_1/files/cfile_1/content', filename: 'chart.png' },
  ],
}
const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'in_progress', content: [] }
const note = {
  type: 'file_citation',
  file_id: 'file-1',
  filename: '年报.pdf',
  index: 13,
  marker: '[1]',
  page: 12,
  page_end: 12,
  quote: '营业收入 512.4 亿元',
  heading: '主要会计数据',
}
const text = '营收增长 **18.6%**。[1]'
const part = { type: 'output_text', text, annotations: [note] }
const written = { ...message, status: 'completed', content: [part] }
const begun = [
  { type: 'response.created', response },
  { type: 'response.in_progress', response },
  {
    type: 'response.output_item.added',
    output_index: 0,
    item: { ...search, status: 'in_progress', results: null },
  },
  { type: 'response.file_search_call.in_progress', output_index: 0, item_id: 'fs_1' },
  { type: 'response.file_search_call.searching', output_index: 0, item_id: 'fs_1' },
]
const at = { output_index: 2, item_id: 'msg_1', content_index: 0 }

export const full = number([
  ...begun,
  { type: 'response.file_search_call.completed', output_index: 0, item_id: 'fs_1' },
  { type: 'response.output_item.done', output_index: 0, item: searched },
  {
    type: 'response.output_item.added',
    output_index: 1,
    item: { ...code, status: 'in_progress', code: '', outputs: null },
  },
  { type: 'response.code_interpreter_call_code.delta', output_index: 1, item_id: 'ci_1', delta: 'print(' },
  { type: 'response.code_interpreter_call_code.delta', output_index: 1, item_id: 'ci_1', delta: '512.4)' },
  {
    type: 'response.code_interpreter_call_code.done',
    output_index: 1,
    item_id: 'ci_1',
    code: 'print(512.4)',
  },
  {
    type: 'response.code_interpreter_call.interpreting',
    output_index: 1,
    item_id: 'ci_1',
    septet: { stdout: '51', stderr: '' },
  },
  {
    type: 'response.code_interpreter_call.interpreting',
    output_index: 1,
    item_id: 'ci_1',
    septet: { stdout: '2.4\n', stderr: '' },
  },
  { type: 'response.code_interpreter_call.completed', output_index: 1, item_id: 'ci_1' },
  { type: 'response.output_item.done', output_index: 1, item: ran },
  { type: 'response.output_item.added', output_index: 2, item: message },
  { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } },
  { type: 'response.output_text.delta', ...at, delta: '营收增长 ' },
  { type: 'response.output_text.delta', ...at, delta: '**18.6%**' },
  { type: 'response.output_text.delta', ...at, delta: '。[1]' },
  { type: 'response.output_text.annotation.added', ...at, annotation_index: 0, annotation: note },
  { type: 'response.output_text.done', ...at, text },
  { type: 'response.content_part.done', ...at, part },
  { type: 'response.output_item.done', output_index: 2, item: written },
  {
    type: 'response.completed',
    response: {
      ...response,
      status: 'completed',
      output: [searched, ran, written],
      usage: { input_tokens: 2871, output_tokens: 541, total_tokens: 3412 },
      septet: { cost_nano: 31_000_000, steps: 3, duration_ms: 6400, offline: false },
    },
  },
])

export const failed = number([
  ...begun,
  {
    type: 'response.failed',
    response: {
      ...response,
      status: 'failed',
      error: { code: 'model_unavailable', message: 'connection refused' },
    },
  },
])

export const cancelled = number([
  { type: 'response.created', response },
  { type: 'response.output_item.added', output_index: 0, item: message },
  {
    type: 'response.content_part.added',
    output_index: 0,
    content_index: 0,
    item_id: 'msg_1',
    part: { type: 'output_text', text: '' },
  },
  { type: 'response.output_text.delta', output_index: 0, content_index: 0, item_id: 'msg_1', delta: '营收' },
  {
    type: 'response.incomplete',
    response: { ...response, status: 'cancelled', incomplete_details: { reason: 'cancelled' } },
  },
])
