// The wire shapes the console reads. Thin on purpose: only the fields that are used, optional
// wherever a server of another make could leave them out. `npm run api` generates the full ones.

export type User = {
  id: string
  email: string
  name: string
  role: string
  tenant: { id: string; name: string }
  /** What the role may do, such as `agents.use`. */
  permissions?: string[]
}
export type Login = { access_token: string; expires_in: number; user?: User }

export type Status = {
  version?: string
  offline_model?: boolean
  default_agent?: string
  sandbox?: { level?: string; driver?: string }
}

export type Model = {
  id: string
  owned_by?: string
  septet?: { title?: string; description?: string; kind?: 'agent' | 'chat' | 'embedding'; offline?: boolean }
}

export type ConversationEntry = {
  id: string
  title?: string | null
  created_at: number
  updated_at?: number
  /** Who began it: a person in the console, or a program with a key. */
  source?: 'console' | 'api'
  /** The id of the newest response, or the response itself. */
  last_response?: string | { id: string; status?: string } | null
  /** What the last question was asked of, and which bases it named; only where one conversation is asked for. */
  model?: string | null
  vector_store_ids?: string[]
}

export type StoredFile = { id: string; filename: string; bytes: number; created_at: number }

export type VectorStore = {
  id: string
  name: string | null
  created_at: number
  /** Seen by who made it alone, and searched only where it is named. */
  private?: boolean
  metadata?: Record<string, string> | null
  file_counts?: { in_progress: number; completed: number; failed: number; cancelled: number; total: number }
  usage_bytes?: number
}

export type Stage = 'queued' | 'parsing' | 'chunking' | 'embedding' | 'indexing' | 'ready' | 'failed'

export type VectorStoreFile = {
  id: string
  status: 'in_progress' | 'completed' | 'failed' | 'cancelled'
  last_error?: { code: string; message: string } | null
  usage_bytes?: number
  created_at: number
  septet?: {
    stage?: Stage
    pages_done?: number
    pages_total?: number
    n_chunks?: number
    filename?: string
    bytes?: number
  }
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

export type Page<T> = { data: T[]; has_more?: boolean; last_id?: string | null }
