// What stands where nothing is yet, and what to do about it.

import type { ReactNode } from 'react'
import styles from './EmptyState.module.css'

type Given = { icon?: ReactNode; onClick?: () => void; children: ReactNode }

export function EmptyState({ icon, onClick, children }: Given) {
  if (!onClick)
    return (
      <div className={styles.empty} data-testid="empty">
        {icon}
        {children}
      </div>
    )
  return (
    <button type="button" className={styles.empty} onClick={onClick} data-testid="empty">
      {icon}
      {children}
    </button>
  )
}
