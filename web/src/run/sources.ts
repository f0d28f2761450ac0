// The passages that a run found and its answer cites. Pure.

import type { Annotation, Passage } from '../api/types'
import { markersIn } from './citations'
import type { Run } from './fold'

export type Source = {
  number: number
  fileId: string
  filename: string
  page: number | undefined
  pageEnd: number | undefined
  heading: string | undefined
  quote: string
  cited: boolean
}

/** Where a passage comes from; it has a number once the answer may cite it. */
export function passageSource(passage: Passage): Omit<Source, 'number'> & { number: number | null } {
  const number = Number(passage.attributes?.number)
  return {
    number: Number.isInteger(number) ? number : null,
    fileId: passage.file_id,
    filename: passage.filename,
    page: passage.attributes?.page || undefined,
    pageEnd: passage.attributes?.page_end || undefined,
    heading: passage.attributes?.heading || undefined,
    quote: passage.text ?? '',
    cited: false,
  }
}

/** Every passage with a number, by number. What the answer cites wins over what the search found. */
export function sourcesOf(run: Run): Map<number, Source> {
  const sources = new Map<number, Source>()
  for (const step of run.steps) {
    if (step.type === 'file_search_call')
      for (const passage of step.results ?? []) {
        const source = passageSource(passage)
        if (source.number !== null) sources.set(source.number, { ...source, number: source.number })
      }
    if (step.type === 'message')
      for (const part of step.content) {
        // The annotations come after the whole text; the markers are there as it streams.
        for (const number of markersIn(part.text)) {
          const found = sources.get(number)
          if (found) sources.set(number, { ...found, cited: true })
        }
        for (const note of part.annotations ?? []) cite(sources, note)
      }
  }
  return sources
}

function cite(sources: Map<number, Source>, note: Annotation) {
  const number = note.number ?? Number(/\d+/.exec(note.marker ?? '')?.[0])
  if (note.type !== 'file_citation' || !Number.isInteger(number)) return
  const found = sources.get(number)
  sources.set(number, {
    number,
    fileId: note.file_id ?? found?.fileId ?? '',
    filename: note.filename ?? found?.filename ?? '',
    page: note.page || found?.page,
    pageEnd: note.page_end || found?.pageEnd,
    heading: note.heading || found?.heading,
    quote: note.quote || found?.quote || '',
    cited: true,
  })
}
