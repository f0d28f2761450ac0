// The left rail: new chat, the sections that exist, and the conversations by day.

import { Menu, UnstyledButton } from '@mantine/core'
import { IconBooks, IconDots, IconLogout, IconMessage, IconPlus, IconUser } from '@tabler/icons-react'
import { Link, useRouterState } from '@tanstack/react-router'
import { signOut } from '../api/session'
import { useLanguage } from '../i18n'
import { Mark } from './Brand'
import { useSession } from './Gate'
import { History } from './History'
import { MenuGroup } from './MenuGroup'

export function Rail({ onPick }: { onPick?: () => void }) {
  const { t } = useLanguage()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const pick = () => {
    onPick?.()
    dispatchEvent(new Event('septet:focus-composer'))
  }
  return (
    <nav className="rail" aria-label={t('app.menu')}>
      <Link to="/" className="brand" aria-label="Septet">
        <Mark size={25} />
        <span>Septet</span>
      </Link>
      <Link to="/chat/{-$id}" params={{ id: undefined }} className="new-chat" onClick={pick}>
        <IconPlus size={17} stroke={1.8} />
        <span>{t('app.newChat')}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </Link>
      <div className="rail-group">{t('app.workspace')}</div>
      <Link
        to="/chat/{-$id}"
        params={{ id: undefined }}
        className="rail-link"
        data-active={path.startsWith('/chat') || undefined}
        onClick={pick}
      >
        <IconMessage size={17} stroke={1.7} />
        {t('app.chat')}
      </Link>
      <Link
        to="/knowledge/{-$id}"
        params={{ id: undefined }}
        className="rail-link"
        data-active={path.startsWith('/knowledge') || undefined}
        onClick={onPick}
      >
        <IconBooks size={17} stroke={1.7} />
        {t('app.knowledge')}
      </Link>
      <History onPick={onPick} />
      <Account onPick={onPick} />
    </nav>
  )
}

function Account({ onPick }: { onPick?: (() => void) | undefined }) {
  const { t } = useLanguage()
  const session = useSession()
  const user = session.state === 'in' ? session.user : null
  const name = user?.name || user?.email || '…'
  return (
    <Menu position="top-start" width={220}>
      <Menu.Target>
        <UnstyledButton className="account" aria-label={t('app.account', { name })}>
          <span className="avatar" aria-hidden="true">
            {Array.from(name)[0]?.toUpperCase()}
          </span>
          <span className="account-name one-line">
            {name}
            {user?.tenant && <small>{user.tenant.name}</small>}
          </span>
          <IconDots size={16} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <MenuGroup label={user?.email ?? name}>
          <Menu.Item leftSection={<IconUser size={16} />} component={Link} to="/account" onClick={onPick}>
            {t('account.title')}
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
            {t('app.signOut')}
          </Menu.Item>
        </MenuGroup>
      </Menu.Dropdown>
    </Menu>
  )
}
