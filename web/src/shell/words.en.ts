export const en = {
  'app.tagline': 'Documents in, cited answers out',
  'app.chat': 'Chat',
  'app.knowledge': 'Knowledge',
  'app.workspace': 'Workspace',
  'app.newChat': 'New chat',
  'app.signOut': 'Sign out',
  'app.account': 'Account of {name}',
  'app.skip': 'Skip to content',
  'app.notFound': 'There is no such page.',
  'app.lost': 'Not found',
  'app.home': 'Go to chat',
} as const
