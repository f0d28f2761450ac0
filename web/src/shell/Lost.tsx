import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useLanguage } from '../i18n'

export function Lost() {
  const { t } = useLanguage()
  return (
    <main className="lost">
      <p>{t('app.notFound')}</p>
      <Button component={Link} to="/">
        {t('app.home')}
      </Button>
    </main>
  )
}
