import type { ToolStep } from '../fold'
import { code } from './code'
import { other } from './other'
import { search } from './search'
import type { Tool } from './tool'

const TOOLS = { file_search_call: search, code_interpreter_call: code, other }

/** How a step is shown. */
export const toolOf = (item: ToolStep): Tool => TOOLS[item.type] as unknown as Tool
