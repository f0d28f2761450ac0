// Every word of the console in English, gathered from the parts that say them. Its keys are those of all languages.

import { en as account } from '../features/account/words.en'
import { en as chat } from '../features/chat/words.en'
import { en as keys } from '../features/keys/words.en'
import { en as knowledge } from '../features/knowledge/words.en'
import { en as signin } from '../features/signin/words.en'
import { en as run } from '../run/words.en'
import { en as shell } from '../shell/words.en'
import { en as ui } from '../ui/words.en'
import { en as codes } from './generated/codes.en'
import { en as errors } from './words.en'

export const en = {
  ...codes,
  ...errors,
  ...ui,
  ...run,
  ...shell,
  ...signin,
  ...account,
  ...chat,
  ...keys,
  ...knowledge,
} as const

export type Key = keyof typeof en
export type Dictionary = Record<Key, string>
