import { ActionIcon } from '@mantine/core'
import { IconMenu2 } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useLanguage } from '../i18n'
import { useMenu } from './Shell'
import { Switches } from './Switches'

export function TopBar({ title, children }: { title: string; children?: ReactNode }) {
  const { t } = useLanguage()
  const menu = useMenu()
  return (
    <header className="top">
      {menu.small && (
        <ActionIcon variant="subtle" color="gray" size={34} aria-label={t('app.menu')} onClick={menu.open}>
          <IconMenu2 size={20} />
        </ActionIcon>
      )}
      <h1 className="top-title one-line" title={title}>
        {title}
      </h1>
      {children}
      <Switches />
    </header>
  )
}
