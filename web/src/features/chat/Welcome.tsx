// What an empty chat shows: what this is for, and first questions.

import { Button, UnstyledButton } from '@mantine/core'
import {
  IconAlertTriangle,
  IconArrowsExchange,
  IconChartBar,
  IconReportAnalytics,
  IconUpload,
} from '@tabler/icons-react'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { Mark } from '../../ui/Brand'
import textStyles from '../../ui/text.module.css'
import { useUploads } from '../knowledge/uploads'
import { NEW, uploadsOf } from './drafts'
import type { ChosenBases } from './useChosen'
import styles from './Welcome.module.css'

const SUGGESTIONS = [
  ['report', IconReportAnalytics],
  ['chart', IconChartBar],
  ['risks', IconAlertTriangle],
  ['cash', IconArrowsExchange],
] as const

type Given = { bases: ChosenBases; onPick: (text: string) => void }

export function Welcome({ bases, onPick }: Given) {
  const { t } = useLanguage()
  const mayAsk = useMay('agents.use')
  const mayWrite = useMay('knowledge.write')
  const uploads = useUploads(uploadsOf(NEW))
  const bare = bases.loaded && uploads.length === 0 && bases.nDocuments === 0
  return (
    <div className={styles.welcome} data-testid="welcome">
      <Mark size={48} />
      <h2>{t('chat.welcome')}</h2>
      <p className={`${textStyles.dim} ${styles.purpose}`}>{t('chat.welcomeText')}</p>
      {mayAsk && (
        <ul className={styles.suggestions}>
          {SUGGESTIONS.map(([name, Icon]) => (
            <li key={name}>
              <UnstyledButton
                className={styles.suggestion}
                data-testid="suggestion"
                onClick={() => onPick(t(`chat.suggest.${name}`))}
              >
                <Icon size={20} stroke={1.6} />
                <span>
                  <b>{t(`chat.suggest.${name}`)}</b>
                  <small>{t(`chat.suggest.${name}Text`)}</small>
                </span>
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
      {bare && mayWrite && (
        <div className={styles.bare} data-testid="bare" role="status">
          <span>{t('chat.noDocuments')}</span>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconUpload size={14} />}
            onClick={() => dispatchEvent(new Event('septet:pick-files'))}
          >
            {t('chat.uploadFirst')}
          </Button>
        </div>
      )}
    </div>
  )
}
