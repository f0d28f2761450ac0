// Starts the console.

import './styles/mantine'
import './styles/tokens.css'
import './styles/reset.css'
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { asApiError } from './api/problem'
import { currentSession, onSession, refresh } from './api/session'
import { forgetAll } from './features/chat/chat'
import { forgetDrafts } from './features/chat/drafts'
import { LanguageProvider } from './i18n'
import { router } from './router'
import { Gate } from './shell/Gate'
import { theme } from './theme'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
// The scroll lock of dialogs writes a style element too and takes the nonce from this name.
Object.assign(globalThis, { __webpack_nonce__: nonce })

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (n_failures, thrown) => {
        const { status } = asApiError(thrown)
        return n_failures < 2 && (status === 0 || status >= 500)
      },
    },
  },
})

let owner: string | null = null
onSession(() => {
  const session = currentSession()
  if (session.state === 'out' && session.reason === 'left') {
    queries.clear()
    forgetAll()
    forgetDrafts()
  }
  if (session.state !== 'in' || !session.user) return
  if (owner && owner !== session.user.id) {
    queries.clear()
    forgetAll()
    forgetDrafts()
  }
  owner = session.user.id
})
refresh().catch(() => undefined)

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <LanguageProvider>
        <QueryClientProvider client={queries}>
          <Gate>
            <RouterProvider router={router} />
          </Gate>
        </QueryClientProvider>
      </LanguageProvider>
    </MantineProvider>
  </StrictMode>,
)
