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

/** The fields that the document names. It leaves objects open for fields to come. */
type Named<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] }
/** The member of a union with this type. The document leaves unions open for types to come. */
type Tagged<Union, Type extends string> = Named<Extract<Union, { type: Type }>>
/** An item with its status, which is one of few words, and what a server of another version may leave out. */
type Shown<Type extends string> = Omit<Tagged<Schemas['ResponseItem'], Type>, 'status' | 'septet'> & {
  status: ItemStatus
  septet?: ItemExtra | null
}

export type Passage = Omit<Schemas['FileSearchResult'], 'attributes'> & {
  attributes?: Partial<Schemas['FileSearchAttributes']>
}
export type ContainerFile = Schemas['OutputFile']
/** What every item says about itself beyond the public shape. */
export type ItemExtra = Omit<Named<Schemas['ItemFacts']>, 'error'> & {
  error?: Partial<Schemas['ResponseError']> | null
}
export type Annotation = Partial<Schemas['FileCitation'] & Schemas['ContainerFileCitation']> & {
  type: string
}
export type TextPart = {
  type: 'output_text' | 'input_text' | 'refusal'
  text: string
  annotations?: Annotation[]
}
export type CodeOutput = Schemas['CodeOutput']
export type ItemStatus = 'in_progress' | 'searching' | 'interpreting' | 'completed' | 'incomplete' | 'failed'

export type SearchItem = Omit<Shown<'file_search_call'>, 'results'> & { results?: Passage[] | null }
export type CodeItem = Shown<'code_interpreter_call'>
export type MessageItem = Omit<Shown<'message'>, 'id' | 'content' | 'status' | 'role'> & {
  id: string
  role: 'assistant' | 'user' | 'system' | 'developer'
  status?: ItemStatus
  content: TextPart[] | string
}
export type McpItem = Shown<'mcp_call'>
/** An item of a type that this console does not draw. It is kept so that positions stay right. */
export type OtherItem = {
  type: 'other'
  kind: string
  name?: string
  id: string
  status?: ItemStatus
  septet?: ItemExtra | null
}
export type Item = SearchItem | CodeItem | McpItem | MessageItem | OtherItem

export type RunStatus = Schemas['ResponseStatus']
export type Waiting = Schemas['ResponseWait']
type Run = Named<Schemas['ResponseObject']>

/** A run; only its id and status are there for sure, for a run is shown before all is known of it. */
export type ResponseObject = Pick<Run, 'id' | 'status'> &
  Partial<Pick<Run, 'created_at' | 'model' | 'metadata' | 'previous_response_id' | 'usage'>> & {
    output?: Item[]
    error?: Partial<Schemas['ResponseError']> | null
    incomplete_details?: Schemas['IncompleteDetails'] | null
    conversation?: { id: string } | null
    septet?: (Partial<Schemas['ResponseFacts']> & { currency?: string }) | null
  }

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
