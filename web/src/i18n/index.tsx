// Two languages, typed. English gives the keys; Chinese must have the same ones or it does not compile.

import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react'
import type { Dictionary, Key } from './en'

export type { Dictionary, Key } from './en'
export type Language = 'en' | 'zh'
export type Values = Record<string, string | number>
/** Gives the words of a key. `knows` tells whether a word of the server, such as an error's code, is a key. */
export type Translate = ((key: Key, values?: Values) => string) & { knows: (word: string) => word is Key }

const load: Record<Language, () => Promise<Dictionary>> = {
  en: () => import('./en').then((module) => module.en),
  zh: () => import('./zh').then((module) => module.zh),
}
export const TAG: Record<Language, string> = { en: 'en', zh: 'zh-CN' }

/** Fills `{name}`; `{n|passage|passages}` gives the number with the word for one or for many. */
export function fill(template: string, values: Values = {}): string {
  return template.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
    const value = values[name]
    if (value === undefined) return whole
    return one === undefined ? String(value) : `${value} ${value === 1 ? one : many}`
  })
}

export function translate(words: Dictionary): Translate {
  const knows = (word: string): word is Key => Object.hasOwn(words, word)
  return Object.assign((key: Key, values?: Values) => fill(words[key], values), { knows })
}

const CHINESE = /[\u3400-\u9fff]/

/**
 * The part of a name in the reader's language, where a name is written in both: "财报分析师 / Financial analyst". What
 * is written in one language stays as it is.
 */
export function inLanguage(text: string, language: Language): string {
  const parts = text.split(/\s+\/\s+/)
  const [one = '', other = ''] = parts
  if (parts.length !== 2 || CHINESE.test(one) === CHINESE.test(other)) return text
  return CHINESE.test(one) === (language === 'zh') ? one : other
}

type Tongue = { language: Language; tag: string; t: Translate; speak: (language: Language) => void }
const Context = createContext<Tongue | null>(null)

function first(): Language {
  try {
    const kept = localStorage.getItem('septet-language')
    if (kept === 'en' || kept === 'zh') return kept
  } catch {
    // No storage: the browser's language decides.
  }
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [spoken, setSpoken] = useState<{ language: Language; words: Dictionary } | null>(null)
  const speak = useCallback((language: Language) => {
    load[language]().then((words) => {
      document.documentElement.lang = TAG[language]
      setSpoken({ language, words })
      try {
        localStorage.setItem('septet-language', language)
      } catch {
        // The choice then lasts until the page is closed.
      }
    })
  }, [])
  useEffect(() => speak(first()), [speak])
  const tongue = useMemo<Tongue | null>(
    () =>
      spoken && {
        language: spoken.language,
        tag: TAG[spoken.language],
        t: translate(spoken.words),
        speak,
      },
    [spoken, speak],
  )
  return tongue && <Context value={tongue}>{children}</Context>
}

export function useLanguage(): Tongue {
  const tongue = use(Context)
  if (!tongue) throw new Error('useLanguage outside LanguageProvider')
  return tongue
}
