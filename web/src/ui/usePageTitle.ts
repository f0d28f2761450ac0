import { useEffect } from 'react'

/** Names the browser's tab after the page. */
export function usePageTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Septet`
  }, [title])
}
