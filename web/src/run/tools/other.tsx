// An item of a type that this console has no card for: its name and how it went.

import { IconTool } from '@tabler/icons-react'
import type { OtherItem } from '../../api/types'
import type { Tool } from './tool'

export const other: Tool<OtherItem> = {
  Icon: () => <IconTool size={17} stroke={1.8} />,
  name: (item, t) => item.septet?.tool ?? item.name ?? t('tool.other'),
  working: (t) => t('tool.running'),
  opened: () => false,
  Body: () => null,
  failure: (error, t) => t('tool.callError', { detail: error.message ?? error.code ?? '?' }),
}
