// The sections of the console, as the rail lists them. A section of one's own is a line here and a route in `router.tsx`.

import { IconBooks, IconKey, IconMessage, type TablerIcon } from '@tabler/icons-react'
import type { LinkProps } from '@tanstack/react-router'
import type { Permission } from '../api/types'
import type { Key } from '../i18n'

export type Section = {
  path: NonNullable<LinkProps['to']>
  Icon: TablerIcon
  words: Key
  /** What one must be allowed to do there; whoever is signed in may see it unless told. */
  permission?: Permission
}

export const SECTIONS: Section[] = [
  { path: '/chat/{-$id}', Icon: IconMessage, words: 'app.chat' },
  { path: '/knowledge/{-$id}', Icon: IconBooks, words: 'app.knowledge' },
  { path: '/keys', Icon: IconKey, words: 'keys.title', permission: 'keys.own' },
]

/** The first part of an address, which is the section's own. */
export const rootOf = (path: string) => `/${path.split('/')[1]}`
