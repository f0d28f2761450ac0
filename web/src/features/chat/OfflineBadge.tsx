// Says plainly that no language model is answering, and what to do about it.

import { Popover, UnstyledButton } from '@mantine/core'
import { IconPlugConnectedX } from '@tabler/icons-react'
import { useLanguage } from '../../i18n'
import styles from './OfflineBadge.module.css'

/** `short` leaves out the words where the screen is narrow. */
export function OfflineBadge({ short = false }: { short?: boolean }) {
  const { t } = useLanguage()
  return (
    <Popover
      width={340}
      shadow="md"
      radius="md"
      position="bottom"
      middlewares={{ shift: { padding: 12 }, flip: true }}
    >
      <Popover.Target>
        <UnstyledButton
          className={styles.offline}
          data-short={short || undefined}
          aria-label={t('offline.badge')}
        >
          <IconPlugConnectedX size={14} />
          <span>{t('offline.badge')}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={styles.offlineCard} aria-label={t('offline.title')}>
        <strong>{t('offline.title')}</strong>
        <p>{t('offline.text')}</p>
      </Popover.Dropdown>
    </Popover>
  )
}
