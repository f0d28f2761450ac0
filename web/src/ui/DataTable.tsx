// A table whose rows become cards where the screen is narrow. The roles are spelled out, for a browser forgets what a
// table is once its parts are laid out otherwise.

import type { ReactNode } from 'react'
import styles from './DataTable.module.css'

export type Column<Row> = {
  key: string
  /** The head of the column; in a card, the word before the value. */
  title: string
  cell: (row: Row) => ReactNode
  /** What the row is called by: the head of its card. */
  isName?: boolean
  /** Buttons: their column has a head for screen readers only. */
  isActions?: boolean
}

type Given<Row> = {
  label: string
  columns: Column<Row>[]
  rows: Row[]
  idOf: (row: Row) => string
  /** Rows that are there for the record only. */
  isPast?: (row: Row) => boolean
}

export function DataTable<Row>({ label, columns, rows, idOf, isPast }: Given<Row>) {
  return (
    <table className={styles.table} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th key={column.key} role="columnheader" scope="col">
              {column.isActions ? <span className={styles.unseen}>{column.title}</span> : column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={idOf(row)} role="row" data-past={isPast?.(row) || undefined}>
            {columns.map((column) => (
              <Cell key={column.key} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const { title, cell, isName, isActions } = column
  if (isName)
    return (
      <th role="rowheader" scope="row">
        {cell(row)}
      </th>
    )
  return (
    <td role="cell" data-actions={isActions || undefined}>
      {!isActions && (
        <span className={styles.title} aria-hidden="true">
          {title}
        </span>
      )}
      {cell(row)}
    </td>
  )
}
