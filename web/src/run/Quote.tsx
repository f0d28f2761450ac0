// What a source says, with its tables as tables.

import { Fragment } from 'react'
import fade from '../ui/fade.module.css'
import styles from './Quote.module.css'

type Part = { kind: 'text'; text: string } | { kind: 'table'; rows: string[][] }

const isRule = (line: string) => /^[\s|:-]*-{2,}[\s|:-]*$/.test(line) && line.includes('|')

function cells(line: string): string[] {
  // Bars on both ends are the row's frame; one at the beginning alone follows an empty cell.
  const inner = /^\|.*(?<!\\)\|$/.test(line) ? line.slice(1, -1) : line
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** A passage in text and tables. Rows are lines with `|` between their cells; one such line alone is text. */
export function partsOf(passage: string): Part[] {
  const parts: Part[] = []
  const lines = passage
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  for (let at = 0; at < lines.length; ) {
    let end = at
    while (lines[end]?.includes('|')) end += 1
    const rows = lines.slice(at, end)
    if (rows.length >= 2) {
      parts.push({ kind: 'table', rows: rows.filter((line) => !isRule(line)).map(cells) })
      at = end
    } else {
      const last = parts.at(-1)
      if (last?.kind === 'text') last.text += `\n${lines[at]}`
      else parts.push({ kind: 'text', text: lines[at] ?? '' })
      at += 1
    }
  }
  return parts
}

/** Whether a passage has a table of more columns than fit beside each other in a few words' width. */
export const isWide = (passage: string) =>
  partsOf(passage).some((part) => part.kind === 'table' && part.rows.some((row) => row.length > 3))

/** A number, as it stands in reports: 1,275.3, (231), 4.1%, $ 5,250, －. */
const isNumber = (cell: string) =>
  /^[-–—－(（]?[$¥￥€£]?\s*[\d,.]*\d[\d,.]*\s*[%％)）]*$|^[-–—－$]$/.test(cell)

export function Quote({ text, most }: { text: string; most?: number | undefined }) {
  return partsOf(text).map((part, at) =>
    part.kind === 'text' ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a passage never move
      <Fragment key={at}>{part.text}</Fragment>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a passage never move
      <QuotedTable key={at} rows={part.rows.slice(0, most)} />
    ),
  )
}

function QuotedTable({ rows }: { rows: string[][] }) {
  const n_columns = Math.max(...rows.map((row) => row.length))
  const padded = rows.map((row) => [...row, ...Array<string>(n_columns - row.length).fill('')])
  // A first row with figures is no head; years are not figures there.
  const hasHead = !(padded[0] ?? []).slice(1).some((cell) => isNumber(cell) && !/^(19|20)\d\d$/.test(cell))
  const head = hasHead ? (padded[0] ?? []) : []
  const body = hasHead ? padded.slice(1) : padded
  return (
    // A wide table scrolls, which the keyboard must be able to do too.
    <div className={`${styles.quotedTable} ${fade.sideways}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((cell, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns never move
              <td key={at} data-number={(at > 0 && cell !== '') || undefined}>
                {cell}
              </td>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows never move
            <tr key={at}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns never move
                <td key={column} data-number={isNumber(cell) || undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
