export const en = {
  'app.menu': 'Menu',
  'app.language': 'Language',
  'app.theme.dark': 'Switch to dark',
  'app.theme.light': 'Switch to light',
  'app.close': 'Close',
  'app.cancel': 'Cancel',
  'app.delete': 'Delete',
  'app.retry': 'Try again',
  'app.copy': 'Copy',
  'app.copied': 'Copied',
  'app.code': 'Code',
} as const
