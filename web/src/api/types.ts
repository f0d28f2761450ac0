// The wire shapes that the console reads. They are those of the OpenAPI document; by hand stands only what the document
// leaves open: the items and events of a run, and the entries of the list of models.

import type { components } from './schema'

type Schemas = components['schemas']

export type Permission = Schemas['Permission']
export type Role = Schemas['Role']
/** What the role may do is told on its own. */
export type User = Schemas['Person'] & Partial<Pick<Schemas['Me'], 'permissions'>>
export type Login = Schemas['Signed']
export type Status = Schemas['Status']
export type ApiKey = Schemas['ApiKey']
export type NewApiKey = Schemas['NewApiKey']
export type CreatedKey = Schemas['CreatedKey']
export type ConversationEntry = Schemas['Conversation']
export type StoredFile = Schemas['File']
export type VectorStore = Schemas['VectorStore']
export type VectorStoreFile = Schemas['VectorStoreFile']
export type Stage = Schemas['Stage']

export type Page<T> = { data: T[]; has_more?: boolean; last_id?: string | null }

export type Model = {
  id: string
  owned_by?: string
  septet?: { title?: string; description?: string; kind?: 'agent' | 'chat' | 'embedding'; offline?: boolean }
}

export type Passage = {
  file_id: string
  filename: string
  score?: number
  text?: string
  attributes?: { page?: number | null; page_end?: number | null; heading?: string | null; number?: number }
}

export type ContainerFile = { id: string; name?: string; path?: string; mime?: string; bytes?: number }

/** What every item says about itself beyond the public shape. */
export type ItemExtra = {
  tool?: string
  language?: string
  started_at_ms?: number
  duration_ms?: number | null
  files?: ContainerFile[]
  error?: string | { code?: string; name?: string; message?: string } | null
}

export type Annotation = {
  type: string
  file_id?: string
  container_id?: string
  filename?: string
  index?: number
  marker?: string
  number?: number
  page?: number
  page_end?: number
  quote?: string
  heading?: string
}

export type TextPart = {
  type: 'output_text' | 'input_text' | 'refusal'
  text: string
  annotations?: Annotation[]
}
export type CodeOutput = { type: 'logs'; logs: string } | { type: 'image'; url: string; filename?: string }
export type ItemStatus = 'in_progress' | 'searching' | 'interpreting' | 'completed' | 'incomplete' | 'failed'

export type SearchItem = {
  type: 'file_search_call'
  id: string
  status: ItemStatus
  queries: string[]
  results?: Passage[] | null
  septet?: ItemExtra
}
export type CodeItem = {
  type: 'code_interpreter_call'
  id: string
  status: ItemStatus
  code: string | null
  container_id?: string
  outputs?: CodeOutput[] | null
  septet?: ItemExtra
}
export type MessageItem = {
  type: 'message'
  id: string
  role: 'assistant' | 'user' | 'system' | 'developer'
  status?: ItemStatus
  content: TextPart[] | string
  septet?: ItemExtra
}
/** An item of a kind this console does not draw. It is kept so that positions stay right. */
export type OtherItem = {
  type: 'other'
  kind: string
  name?: string
  /** Of an `mcp_call`: JSON, or what the model wrote in its place. */
  arguments?: string
  /** Of an `mcp_call` that did what it should. */
  output?: string
  id: string
  status?: ItemStatus
  septet?: ItemExtra
}
export type Item = SearchItem | CodeItem | MessageItem | OtherItem

export type RunStatus = 'queued' | 'in_progress' | 'completed' | 'failed' | 'incomplete' | 'cancelled'

export type ResponseObject = {
  id: string
  status: RunStatus
  created_at?: number
  model?: string
  output?: Item[]
  usage?: {
    input_tokens: number
    output_tokens: number
    total_tokens: number
    input_tokens_details?: { cached_tokens?: number }
  } | null
  error?: { code?: string; message?: string } | null
  incomplete_details?: { reason?: string } | null
  metadata?: Record<string, string> | null
  conversation?: { id: string } | string | null
  previous_response_id?: string | null
  septet?: {
    cost_nano?: number | null
    currency?: string
    steps?: number | null
    duration_ms?: number | null
    offline?: boolean
    /** The run waits, such as for a provider that limits it, and tries again by itself. */
    waiting?: Waiting | null
    /** How often another process had to take the run up again. */
    recoveries?: number
  } | null
}

export type Waiting = { code: string; message?: string; until_ms: number; seconds: number }

/** One event of a run, as it comes over the wire. */
export type RunEvent = {
  type: string
  sequence_number: number
  response?: ResponseObject
  item?: Item
  item_id?: string
  output_index?: number
  content_index?: number
  delta?: string
  text?: string
  code?: string
  part?: TextPart
  annotation?: Annotation
  message?: string
  /** What running code has just printed. */
  septet?: { stdout?: string; stderr?: string }
  error?: { code?: string; message?: string }
}
