import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useLanguage } from '../i18n'
import { Frame } from '../ui/Page'
import styles from './Lost.module.css'

export function Lost() {
  const { t } = useLanguage()
  return (
    <Frame title={t('app.lost')}>
      <main className={styles.lost} id="page" data-testid="lost">
        <p>{t('app.notFound')}</p>
        <Button component={Link} to="/">
          {t('app.home')}
        </Button>
      </main>
    </Frame>
  )
}
