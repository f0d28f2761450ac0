import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useLanguage } from '../i18n'
import { TopBar } from './TopBar'

export function Lost() {
  const { t } = useLanguage()
  useEffect(() => {
    document.title = `${t('app.lost')} · Septet`
  }, [t])
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
