// The pages. The chat is in the first load; everything else comes when it is asked for.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { ChatPage } from './features/chat/ChatPage'
import { Lost } from './shell/Lost'
import { Shell } from './shell/Shell'

const root = createRootRoute({ component: Shell, notFoundComponent: Lost })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/chat/{-$id}', params: { id: undefined }, replace: true })
  },
})

/** One route with and without an id, so that a new chat keeps its page when it gets its name. */
const chat = createRoute({ getParentRoute: () => root, path: '/chat/{-$id}', component: ChatPage })

const knowledge = createRoute({
  getParentRoute: () => root,
  path: '/knowledge/{-$id}',
  component: lazyRouteComponent(() => import('./features/knowledge/KnowledgePage'), 'KnowledgePage'),
})

const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyRouteComponent(() => import('./features/keys/KeysPage'), 'KeysPage'),
})

const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyRouteComponent(() => import('./features/account/AccountPage'), 'AccountPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([home, chat, knowledge, keys, account]),
  defaultPreload: 'intent',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
