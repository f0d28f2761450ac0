// A picture that the code drew. It needs the access token, so it is fetched and shown as a blob.

import { ActionIcon, Button, Skeleton, Tooltip } from '@mantine/core'
import { IconDownload, IconZoomIn } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { send } from '../api/client'
import { useLanguage } from '../i18n'
import { Dialog } from '../ui/Dialog'
import { Failure } from '../ui/Failure'
import textStyles from '../ui/text.module.css'
import styles from './Chart.module.css'

/** Only paths of our own server, so that no answer can make the page send its token elsewhere. */
export const isContainerUrl = (url: string) => /^\/v1\/containers\/[\w-]+\/files\/[\w-]+\/content$/.test(url)

function useBlobUrl(url: string) {
  const query = useQuery({
    queryKey: ['blob', url],
    queryFn: async ({ signal }) => (await send(url, { signal })).blob(),
    enabled: isContainerUrl(url),
    // A file of a container never changes under the same id.
    staleTime: Number.POSITIVE_INFINITY,
  })
  const [objectUrl, setObjectUrl] = useState<string | null>(null)
  useEffect(() => {
    if (!query.data) return
    const made = URL.createObjectURL(query.data)
    setObjectUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [query.data])
  return { objectUrl, blob: query.data, error: query.error, retry: () => void query.refetch() }
}

/** A file the code wrote that is no picture: a button that downloads it. */
export function FileButton({ url, name }: { url: string; name: string }) {
  const { t } = useLanguage()
  const [state, setState] = useState<'idle' | 'busy' | 'failed'>('idle')
  const download = async () => {
    setState('busy')
    try {
      const made = URL.createObjectURL(await (await send(url)).blob())
      const link = document.createElement('a')
      link.href = made
      link.download = name
      link.click()
      // The browser has taken its copy by the next turn of the loop.
      setTimeout(() => URL.revokeObjectURL(made), 0)
      setState('idle')
    } catch {
      setState('failed')
    }
  }
  return (
    <Button
      size="compact-sm"
      variant="default"
      color={state === 'failed' ? 'red' : undefined}
      loading={state === 'busy'}
      leftSection={<IconDownload size={14} />}
      aria-label={`${t('chart.download')} ${name}`}
      onClick={() => void download()}
    >
      {name}
      {state === 'failed' && ` · ${t('chart.fileFailed')}`}
    </Button>
  )
}

export function Chart({ url, name }: { url: string; name: string }) {
  const { t } = useLanguage()
  const { objectUrl, blob, error, retry } = useBlobUrl(url)
  const [large, setLarge] = useState(false)
  if (!isContainerUrl(url) || error)
    return (
      <Failure
        words={{ sentence: t('chart.failed'), detail: '' }}
        onRetry={isContainerUrl(url) ? retry : undefined}
      />
    )
  if (!objectUrl)
    return <Skeleton className={styles.chartSkeleton} radius="md" aria-label={t('chart.alt', { name })} />
  const filename = /\.\w+$/.test(name) ? name : `${name}.${blob?.type.includes('svg') ? 'svg' : 'png'}`
  return (
    <figure className={styles.chart} data-testid="chart">
      <button
        type="button"
        className={styles.chartPicture}
        data-testid="chart-picture"
        aria-label={t('chart.enlarge', { name })}
        onClick={() => setLarge(true)}
      >
        <img src={objectUrl} alt={t('chart.alt', { name })} />
      </button>
      <figcaption>
        <span className={textStyles.oneLine} title={name}>
          {name}
        </span>
        <Tooltip label={t('chart.enlarge', { name })}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={26}
            aria-label={t('chart.enlarge', { name })}
            onClick={() => setLarge(true)}
          >
            <IconZoomIn size={16} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={t('chart.download')}>
          <ActionIcon
            component="a"
            href={objectUrl}
            download={filename}
            variant="subtle"
            color="gray"
            size={26}
            aria-label={`${t('chart.download')} ${filename}`}
          >
            <IconDownload size={16} />
          </ActionIcon>
        </Tooltip>
      </figcaption>
      <Dialog opened={large} onClose={() => setLarge(false)} title={name} size="min(1200px, 96vw)">
        <img
          className={styles.chartLarge}
          data-testid="chart-large"
          src={objectUrl}
          alt={t('chart.alt', { name })}
        />
      </Dialog>
    </figure>
  )
}
