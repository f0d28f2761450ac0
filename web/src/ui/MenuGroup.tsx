import { Menu } from '@mantine/core'
import type { ReactNode } from 'react'

/** Items of a menu under a heading. Mantine's own label would be a child that a menu may not have. */
export function MenuGroup({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={label}>
      <Menu.Label aria-hidden="true">{label}</Menu.Label>
      {children}
    </div>
  )
}
