export const en = {
  'error.network': 'The server cannot be reached. Check your connection and try again.',
  'error.unreadable': 'This file could not be read. Save or export it again and upload the new copy.',
  'error.notSent': 'The question did not reach the server. Ask it again.',
  'error.unknown':
    'Something went wrong. Try again; if it stays so, give the request id to an administrator.',
  'error.runFailed': 'The answer could not be finished.',
  'error.requestId': 'Request id {id}',
  'error.aMoment': 'a moment',
  'error.seconds': '{n|second|seconds}',
} as const
