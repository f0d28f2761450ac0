// The frame of every page: the rail on the left (a drawer on small screens) and the page beside it.

import { Drawer } from '@mantine/core'
import { useHotkeys, useMediaQuery } from '@mantine/hooks'
import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { useLanguage } from '../i18n'
import { Menu } from '../ui/menu'
import { Rail } from './Rail'
import styles from './Shell.module.css'

export function Shell() {
  const { t } = useLanguage()
  const small = useMediaQuery('(max-width: 860px)', undefined, { getInitialValueInEffect: false }) ?? false
  const [opened, setOpened] = useState(false)
  const navigate = useNavigate()
  const path = useRouterState({ select: (state) => state.location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address closes the drawer
  useEffect(() => setOpened(false), [path])
  useHotkeys(
    [
      [
        'mod+K',
        () => {
          void navigate({ to: '/chat/{-$id}', params: { id: undefined } })
          // Ask for the focus even when the address stays the same.
          dispatchEvent(new Event('septet:focus-composer'))
        },
      ],
    ],
    [],
  )
  const menu = useMemo(() => ({ small, open: () => setOpened(true) }), [small])
  return (
    <Menu value={menu}>
      <a className={styles.skip} href="#page">
        {t('app.skip')}
      </a>
      <div className={styles.shell}>
        {small ? (
          <Drawer.Root opened={opened} onClose={() => setOpened(false)} size={280}>
            <Drawer.Overlay />
            <Drawer.Content aria-label={t('app.menu')}>
              <Rail onPick={() => setOpened(false)} />
            </Drawer.Content>
          </Drawer.Root>
        ) : (
          <Rail />
        )}
        <Outlet />
      </div>
    </Menu>
  )
}
