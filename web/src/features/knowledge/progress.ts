// How far a file is, in words.

import { ApiError } from '../../api/problem'
import type { VectorStoreFile } from '../../api/types'
import type { Translate } from '../../i18n'
import { codeWords, errorWords, isKnown, type Words } from '../../i18n/errors'
import { percent } from '../../i18n/format'
import type { Upload } from './uploads'

type State = Pick<Upload, 'phase' | 'share' | 'stage' | 'pagesDone' | 'pagesTotal'>

export function stageWords(file: State, t: Translate, tag: string): string {
  if (file.phase === 'uploading') return t('file.uploading', { share: percent(file.share, tag) })
  if (file.phase === 'failed') return t('file.failed')
  if (file.phase === 'ready')
    return file.pagesTotal > 0 ? t('file.readyPages', { n: file.pagesTotal }) : t('file.ready')
  if (file.stage === 'parsing' && file.pagesTotal > 0)
    return t('file.parsingPages', { done: file.pagesDone, total: file.pagesTotal })
  return t(`file.${file.stage}`)
}

export function failureWords(error: Upload['error'], t: Translate): Words {
  if (error instanceof ApiError) return errorWords(error, t)
  return unreadable(error, t)
}

/** Their messages name lines, which our sentences cannot. */
const PLACED = ['malformed', 'partly_read']

/** Why a document, or part of it, could not be read. Our own sentence mostly says it all when the code is known. */
export function unreadable(error: VectorStoreFile['last_error'], t: Translate): Words {
  const words = codeWords(error, 'error.unreadable', t)
  return isKnown(error?.code, t) && !PLACED.includes(error?.code ?? '') ? { ...words, detail: '' } : words
}

export function stateOf(file: VectorStoreFile): State {
  return {
    phase: file.status === 'completed' ? 'ready' : file.status === 'in_progress' ? 'reading' : 'failed',
    share: 1,
    stage: file.septet?.stage ?? 'queued',
    pagesDone: file.septet?.pages_done ?? 0,
    pagesTotal: file.septet?.pages_total ?? 0,
  }
}
