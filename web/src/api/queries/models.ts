import { useQuery } from '@tanstack/react-query'
import { json } from '../client'
import type { Model, Page } from '../types'

export const useModels = () =>
  useQuery({
    queryKey: ['models'],
    queryFn: () => json<Page<Model>>('/v1/models'),
    staleTime: 60_000,
  })
