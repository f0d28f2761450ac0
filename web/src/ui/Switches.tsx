// Language and colour scheme, the same on every page.

import {
  ActionIcon,
  SegmentedControl,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { IconMoon, IconSun } from '@tabler/icons-react'
import { type Language, useLanguage } from '../i18n'
import styles from './Switches.module.css'

export function Switches() {
  const { language, speak, t } = useLanguage()
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  const label = t(dark ? 'app.theme.light' : 'app.theme.dark')
  return (
    <div className={styles.switches} data-testid="switches">
      <SegmentedControl
        size="xs"
        className={styles.language}
        data-testid="language"
        aria-label={t('app.language')}
        value={language}
        onChange={(value) => speak(value as Language)}
        data={[
          { value: 'zh', label: '中文' },
          { value: 'en', label: 'EN' },
        ]}
      />
      <Tooltip label={label}>
        <ActionIcon
          variant="default"
          size={30}
          aria-label={label}
          onClick={() => setColorScheme(dark ? 'light' : 'dark')}
        >
          {dark ? <IconSun size={16} /> : <IconMoon size={16} />}
        </ActionIcon>
      </Tooltip>
    </div>
  )
}
