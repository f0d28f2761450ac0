// What a kind of tool call has to say on its card. One file per kind beside this one, and a line in `index.ts`.

import type { ComponentType } from 'react'
import type { Translate } from '../../i18n'
import type { ToolStep } from '../fold'

export type Picture = { url: string; name: string }

export type Tool<Item extends ToolStep = ToolStep> = {
  Icon: ComponentType<{ item: Item }>
  name: (item: Item, t: Translate) => string
  /** What it does while it is at work, in a word. */
  working: (t: Translate) => string
  /** A short sum beside the name. */
  sum?: (item: Item, t: Translate) => string | null
  /** Whether the card is open unless the reader chose otherwise. */
  opened: (item: Item, busy: boolean) => boolean
  Body: ComponentType<{ item: Item; busy: boolean }>
  /** Charts and files that it made. They are shown whether the card is open or not. */
  pictures?: (item: Item) => Picture[]
  files?: (item: Item) => Picture[]
  /** What went wrong, for the reader. */
  failure: (error: { code?: string; name?: string; message?: string }, t: Translate) => string
}
