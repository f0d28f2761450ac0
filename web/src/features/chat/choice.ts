// Which knowledge bases a question searches. Pure.
//
// A conversation goes on with those it was asked of last, whatever was chosen elsewhere since. What was dropped into it
// lies in private bases of its own, which are searched besides the chosen ones and shown to nobody else.

import type { VectorStore } from '../../api/types'
import { isDefault } from '../knowledge/bases'

/** Everything that everybody sees, whatever will be there by then. */
export const ALL = 'all'

export type Known = {
  bases: VectorStore[]
  /** The bases of the conversation's last question; none of them when it searched everything, null before there is one. */
  asked: string[] | null
  /** What was chosen last in this browser: an id, or `ALL`. */
  kept: string | null
  /** The base of files that were dropped and not asked about yet. */
  dropped: string | null
}

export type Choice = {
  /** Those that can be chosen. */
  shared: VectorStore[]
  chosen: VectorStore[]
  /** The conversation's own. */
  own: VectorStore[]
  /** Whether `chosen` are all of those, by name or because nothing is named. */
  isAll: boolean
  /** What to name in a question; nothing where everything is searched. */
  stores: string[]
}

export function choiceOf({ bases, asked, kept, dropped }: Known): Choice {
  const shared = bases.filter((base) => !base.private)
  const own = bases.filter((base) => base.private && (base.id === dropped || asked?.includes(base.id)))
  const before = shared.filter((base) => asked?.includes(base.id))
  const goesOn = asked !== null && (asked.length === 0 || before.length > 0 || own.length > 0)
  const everything = goesOn ? asked.length === 0 : kept === ALL
  const first = shared.find((base) => base.id === kept) ?? shared.find(isDefault) ?? shared[0]
  const chosen = everything ? shared : goesOn ? before : first ? [first] : []
  // Everything is what a question searches that names nothing. With files of its own it has to name the rest too.
  const named = everything && own.length === 0 ? [] : [...chosen, ...own]
  const isAll = everything || (shared.length > 1 && chosen.length === shared.length)
  return { shared, chosen, own, isAll, stores: named.map((base) => base.id) }
}
