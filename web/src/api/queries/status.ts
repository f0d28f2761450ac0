import { useQuery } from '@tanstack/react-query'
import { json } from '../client'
import type { Status } from '../types'

export const useStatus = () =>
  useQuery({ queryKey: ['status'], queryFn: () => json<Status>('/api/status'), staleTime: 60_000 })
