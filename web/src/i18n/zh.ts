// The same in Chinese. It does not compile where a key is missing.

import { zh as account } from '../features/account/words.zh'
import { zh as chat } from '../features/chat/words.zh'
import { zh as keys } from '../features/keys/words.zh'
import { zh as knowledge } from '../features/knowledge/words.zh'
import { zh as signin } from '../features/signin/words.zh'
import { zh as run } from '../run/words.zh'
import { zh as shell } from '../shell/words.zh'
import { zh as ui } from '../ui/words.zh'
import type { Dictionary } from './en'
import { zh as codes } from './generated/codes.zh'
import { zh as errors } from './words.zh'

export const zh: Dictionary = {
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
}
