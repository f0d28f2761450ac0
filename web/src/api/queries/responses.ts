import { json, send } from '../client'
import type { Item, Page, ResponseObject } from '../types'

const path = (response: string) => `/v1/responses/${encodeURIComponent(response)}`

/** Starts a run; the answer is the stream of its events. */
export const start = (body: object) => send('/v1/responses', { body: { ...body, stream: true } })
/** The events of a run after number `after`, from the first when it is -1. */
export const follow = (response: string, after: number) =>
  send(`${path(response)}?stream=true${after >= 0 ? `&starting_after=${after}` : ''}`)
export const get = (response: string) => json<ResponseObject>(path(response))
export const inputItems = (response: string) => json<Page<Item>>(`${path(response)}/input_items?order=asc`)
export const cancel = (response: string) =>
  json<ResponseObject>(`${path(response)}/cancel`, { method: 'POST' })
