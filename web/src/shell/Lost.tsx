import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useLanguage } from '../i18n'
import { TopBar } from './TopBar'
import { usePageTitle } from './usePageTitle'

export function Lost() {
  const { t } = useLanguage()
  usePageTitle(t('app.lost'))
  return (
    <div className="page">
      <TopBar title={t('app.lost')} />
      <main className="lost" id="page">
        <p>{t('app.notFound')}</p>
        <Button component={Link} to="/">
          {t('app.home')}
        </Button>
      </main>
    </div>
  )
}
