import { useQuery } from '@tanstack/react-query'
import { all, upload as post, send } from '../client'
import type { StoredFile } from '../types'

/** All files, read once there are any, and again when their number changes. */
export const useFiles = (count: number) =>
  useQuery({
    queryKey: ['files', count],
    queryFn: () => all<StoredFile>('/v1/files'),
    enabled: count > 0,
  })
export const remove = (file: string) => send(`/v1/files/${encodeURIComponent(file)}`, { method: 'DELETE' })
export const upload = (file: File, onProgress: (share: number) => void, signal: AbortSignal) => {
  const form = new FormData()
  // The purpose goes first so that a streaming server knows it before the bytes come.
  form.append('purpose', 'assistants')
  form.append('file', file, file.name)
  return post<StoredFile>('/v1/files', form, onProgress, signal)
}
