import { ActionIcon, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useLanguage } from '../i18n'
import textStyles from './text.module.css'

async function copy(words: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words)
    return true
  } catch {
    // The clipboard API exists only over https and on localhost; this older way works elsewhere.
    const area = document.createElement('textarea')
    area.value = words
    area.setAttribute('readonly', '')
    area.className = textStyles.offScreen ?? ''
    document.body.append(area)
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    return copied
  }
}

export function CopyButton({ text: words, size = 26 }: { text: string; size?: number }) {
  const { t } = useLanguage()
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 1600)
    return () => clearTimeout(timer)
  }, [done])
  const label = t(done ? 'app.copied' : 'app.copy')
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={size}
        aria-label={label}
        onClick={() => void copy(words).then(setDone)}
      >
        {done ? <IconCheck size={15} /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  )
}
