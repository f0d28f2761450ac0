// A state in one word, with a colour that means the same everywhere.

import { Badge, type BadgeProps } from '@mantine/core'
import type { ReactNode } from 'react'

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle'

const COLOURS: Record<Tone, string> = {
  good: 'teal',
  busy: 'indigo',
  warn: 'orange',
  bad: 'red',
  idle: 'gray',
}

type Given = { tone: Tone; icon?: BadgeProps['leftSection']; children: ReactNode }

export function StatusBadge({ tone, icon, children, ...data }: Given & { [data: `data-${string}`]: string }) {
  return (
    <Badge variant="light" color={COLOURS[tone]} {...(icon !== undefined && { leftSection: icon })} {...data}>
      {children}
    </Badge>
  )
}
