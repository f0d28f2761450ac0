// The frame of a page: its title in the bar above and in the browser's tab, and its main part, which the skip link leads to.

import { ActionIcon } from '@mantine/core'
import { IconMenu2 } from '@tabler/icons-react'
import type { ComponentProps, ReactNode } from 'react'
import { useLanguage } from '../i18n'
import { useMenu } from './menu'
import styles from './Page.module.css'
import { Switches } from './Switches'
import textStyles from './text.module.css'
import { usePageTitle } from './usePageTitle'

type Framed = Omit<ComponentProps<'div'>, 'title' | 'className'> & {
  title: string
  /** Buttons and badges in the bar. */
  tools?: ReactNode
}

/** A page that lays out its main part itself. */
export function Frame({ title, tools, children, ...rest }: Framed) {
  const { t } = useLanguage()
  const menu = useMenu()
  usePageTitle(title)
  return (
    <div className={styles.page} {...rest}>
      <header className={styles.top} data-testid="top">
        {menu.small && (
          <ActionIcon variant="subtle" color="gray" size={34} aria-label={t('app.menu')} onClick={menu.open}>
            <IconMenu2 size={20} />
          </ActionIcon>
        )}
        <h1 className={`${styles.topTitle} ${textStyles.oneLine}`} title={title}>
          {title}
        </h1>
        {tools}
        <Switches />
      </header>
      {children}
    </div>
  )
}

type Given = {
  title: string
  /** How much of the width is used: all of it, enough for a table, or that of a form. */
  width?: 'whole' | 'table' | 'form'
  children: ReactNode
}

export function Page({ title, width = 'whole', children }: Given) {
  return (
    <Frame title={title}>
      <main className={styles.main} data-width={width} id="page">
        {children}
      </main>
    </Frame>
  )
}
