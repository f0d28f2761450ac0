// Who is signed in, and the way out.

import { Menu, UnstyledButton } from '@mantine/core'
import { IconDots, IconLogout, IconUser } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { signOut } from '../api/session'
import { useSession } from '../api/useSession'
import { useLanguage } from '../i18n'
import { MenuGroup } from '../ui/MenuGroup'
import textStyles from '../ui/text.module.css'
import styles from './AccountMenu.module.css'

export function AccountMenu({ onPick }: { onPick?: (() => void) | undefined }) {
  const { t } = useLanguage()
  const session = useSession()
  const user = session.state === 'in' ? session.user : null
  const name = user?.name || user?.email || '…'
  return (
    <Menu position="top-start" width={220}>
      <Menu.Target>
        <UnstyledButton
          className={styles.account}
          data-testid="account"
          aria-label={t('app.account', { name })}
        >
          <span className={styles.avatar} aria-hidden="true">
            {Array.from(name)[0]?.toUpperCase()}
          </span>
          <span className={`${styles.accountName} ${textStyles.oneLine}`}>
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
