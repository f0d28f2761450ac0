import type { ToolStep } from '../fold'
import { code } from './code'
import { mcp } from './mcp'
import { other } from './other'
import { search } from './search'
import type { Tool } from './tool'

const TOOLS = { file_search_call: search, code_interpreter_call: code, mcp_call: mcp, other }

/** How a step is shown. */
export const toolOf = (item: ToolStep): Tool => TOOLS[item.type] as unknown as Tool
