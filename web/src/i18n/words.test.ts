import { describe, expect, it } from 'vitest'
import { ApiError, refusal } from '../api/problem'
import { en } from './en'
import { errorWords } from './errors'
import { fill, inLanguage, type Key, translate } from './index'
import { zh } from './zh'

const t = translate(zh)

describe('a name in two languages', () => {
  it('is shown in one', () => {
    const title = '财报分析师 / Financial analyst'
    expect([inLanguage(title, 'zh'), inLanguage(title, 'en')]).toEqual(['财报分析师', 'Financial analyst'])
    expect(inLanguage('Input / output', 'en')).toBe('Input / output')
    expect(inLanguage('法务', 'en')).toBe('法务')
  })
})

describe('words', () => {
  it('have the same placeholders in both languages', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)/g)].map((found) => found[1]).sort()
    for (const key of Object.keys(en) as Key[]) expect([key, names(zh[key])]).toEqual([key, names(en[key])])
  })

  it('count in English', () => {
    expect(fill(en['kb.nFiles'], { n: 1 })).toBe('1 document')
    expect(fill(en['kb.nFiles'], { n: 3 })).toBe('3 documents')
  })

  it('say what to do for known errors and keep the request id of unknown ones', () => {
    const none = () => null
    const wrong = refusal(401, '{"code":"wrong_password","detail":"x","request_id":"req_1"}', none)
    expect(errorWords(wrong, t)).toEqual({ sentence: '邮箱或密码不正确。请检查后重试。', detail: '' })
    const limited = refusal(429, '{"error":{"code":"rate_limit_exceeded","message":"m"}}', (name) =>
      name === 'retry-after' ? '12' : null,
    )
    expect(errorWords(limited, t).sentence).toBe('请求太频繁。请等待 12 秒后重试。')
    const odd = refusal(
      418,
      '{"error":{"code":"teapot","message":"short and stout","request_id":"req_9"}}',
      none,
    )
    expect(errorWords(odd, t).detail).toBe('short and stout · 请求编号 req_9')
    expect(refusal(502, '<html>bad gateway</html>', none)).toMatchObject({
      status: 502,
      code: 'http_502',
      detail: '',
    })
    expect(errorWords(new ApiError({ status: 402, code: 'http_402' }), t).sentence).toBe(zh.payment_required)
  })
})
