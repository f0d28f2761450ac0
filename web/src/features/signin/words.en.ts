export const en = {
  'login.title': 'Sign in to Septet',
  'login.email': 'E-mail',
  'login.password': 'Password',
  'login.submit': 'Sign in',
  'login.expired':
    'Your session has ended. Sign in again; your conversations and running answers are still there.',
  'login.left': 'You are signed out.',
  'login.unreachable': 'The server cannot be reached. Check that Septet is running, then try again.',
  'login.firstPassword':
    'The administrator’s first password is in the file first-password of the server’s data folder.',
} as const
