// The left rail: new chat, the sections that one may use, and the conversations by day.

import { IconPlus } from '@tabler/icons-react'
import { Link, useRouterState } from '@tanstack/react-router'
import { usePermissions } from '../api/useSession'
import { History } from '../features/chat/History'
import { useLanguage } from '../i18n'
import { Mark } from '../ui/Brand'
import { AccountMenu } from './AccountMenu'
import styles from './Rail.module.css'
import { rootOf, SECTIONS } from './sections'

const focusComposer = () => dispatchEvent(new Event('septet:focus-composer'))

export function Rail({ onPick }: { onPick?: () => void }) {
  const { t } = useLanguage()
  const may = usePermissions()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const pick = () => {
    onPick?.()
    focusComposer()
  }
  return (
    <nav className={styles.rail} aria-label={t('app.menu')} data-testid="rail">
      <Link to="/" className={styles.brand} aria-label="Septet">
        <Mark size={25} />
        <span>Septet</span>
      </Link>
      <Link
        to="/chat/{-$id}"
        params={{ id: undefined }}
        className={styles.newChat}
        data-testid="new-chat"
        onClick={pick}
      >
        <IconPlus size={17} stroke={1.8} />
        <span>{t('app.newChat')}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </Link>
      <div className={styles.railGroup}>{t('app.workspace')}</div>
      {SECTIONS.filter(({ permission }) => !permission || may(permission)).map(
        ({ path: to, Icon, words }) => (
          <Link
            key={to}
            to={to}
            params={{ id: undefined }}
            className={styles.railLink}
            data-testid="rail-link"
            data-active={rootOf(path) === rootOf(to) || undefined}
            onClick={rootOf(to) === '/chat' ? pick : onPick}
          >
            <Icon size={17} stroke={1.7} />
            {t(words)}
          </Link>
        ),
      )}
      <History onPick={onPick} />
      <AccountMenu onPick={onPick} />
    </nav>
  )
}
