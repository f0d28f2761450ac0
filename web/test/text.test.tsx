import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen, waitFor } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError, refusal } from '../src/api/problem'
import { eventParser } from '../src/api/sse'
import { blockCutter, mend } from '../src/chat/blocks'
import { Sources } from '../src/chat/Citation'
import { markersIn } from '../src/chat/citations'
import { turnsOf, versionsOf } from '../src/chat/history'
import { Markdown } from '../src/chat/Markdown'
import { partsOf } from '../src/chat/Quote'
import type { Source } from '../src/chat/run'
import { byDay, bytes, duration, money } from '../src/format'
import { en } from '../src/i18n/en'
import { errorWords } from '../src/i18n/errors'
import { fill, inLanguage, type Key, LanguageProvider, translate } from '../src/i18n/index'
import { zh } from '../src/i18n/zh'

afterEach(cleanup)

const t = translate(zh)
const ANSWER =
  '# 结论\n\n营收 **18.6%**。[1]\n\n1. 一\n2. 二\n\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n```python\nprint(1)\n\nprint(2)\n```\n\n末尾 20~25 亿'

describe('blocks', () => {
  it('join to the text again, whatever the chunks were', () => {
    for (const size of [1, 3, 7, 50]) {
      const cut = blockCutter()
      for (let at = size; at <= ANSWER.length + size; at += size) {
        const text = ANSWER.slice(0, at)
        expect(cut(text).join('')).toBe(text)
      }
      expect(cut(ANSWER)).toEqual(blockCutter()(ANSWER))
    }
  })

  it('keep the finished ones as they are while the last one grows', () => {
    const cut = blockCutter()
    const before = cut('one\n\ntwo\n\nthree\n\nfo').slice(0, 2)
    expect(cut('one\n\ntwo\n\nthree\n\nfour').slice(0, 2)).toEqual(before)
  })

  it('close what is open and hide half a marker', () => {
    expect(mend('营收 **18')).toBe('营收 **18**')
    expect(mend('增长。[1')).toBe('增长。')
    expect(mend('增长。[1]')).toBe('增长。[1]')
  })
})

describe('citations', () => {
  it('are found in every form that models write', () => {
    expect(markersIn('a[1] b[2][3] c【4】 d[5, 6] e[x] f[2024]')).toEqual([1, 2, 3, 4, 5, 6])
  })
})

async function show(text: string, sources: Map<number, Source> = new Map()) {
  const view = render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <LanguageProvider>
          <Sources value={sources}>
            <Markdown text={text} growing={false} />
          </Sources>
        </LanguageProvider>
      </QueryClientProvider>
    </MantineProvider>,
  )
  await waitFor(() => expect(view.container.querySelector('.prose')).not.toBeNull())
  return view.container
}

describe('an answer', () => {
  it('shows tables, code and chips', async () => {
    const source: Source = {
      number: 1,
      fileId: 'f',
      filename: '年报.pdf',
      page: 12,
      pageEnd: 12,
      heading: 'h',
      quote: 'q',
      cited: true,
    }
    const page = await show(ANSWER, new Map([[1, source]]))
    expect(page.querySelector('table')).not.toBeNull()
    expect(page.querySelector('pre')?.textContent).toContain('print(2)')
    expect(screen.getByRole('button', { name: /年报\.pdf/ }).textContent).toBe('1')
    expect(page.textContent).toContain('20~25')
  })

  it('has emphasis next to Chinese punctuation', async () => {
    const page = await show('这是**“重点”**内容，**（注意）**事项，**结论：**增长。“**引号**”')
    expect([...page.querySelectorAll('strong')].map((found) => found.textContent)).toEqual([
      '“重点”',
      '（注意）',
      '结论：',
      '引号',
    ])
    expect(page.textContent).not.toContain('*')
  })

  it('has links to other sites, and text where a link leads elsewhere', async () => {
    const page = await show(
      '[one](https://a.example) [two](mailto:a@b.example) [bad](javascript:alert(1)) [odd](sandbox:/mnt/data/x.csv) ' +
        '[file](file:///etc/passwd) [here](/api/keys) [data](data:text/html,x) <vbscript:x> [mixed](JaVaScRiPt:1) https://b.example',
    )
    expect([...page.querySelectorAll('a')].map((link) => link.getAttribute('href'))).toEqual([
      'https://a.example',
      'mailto:a@b.example',
      'https://b.example',
    ])
    for (const word of ['bad', 'odd', 'file', 'here', 'data', 'mixed'])
      expect(page.textContent).toContain(word)
  })

  it('draws formulas in every way that models write them', async () => {
    const page = await show(
      'Inline $E=mc^2$ and \\(a^2\\).\n\n$$\n\\frac{1}{2}\n+ b\n$$\n\n\\[\nx = y\n- z\n\\]\n\n`$code$`\n',
    )
    await waitFor(() => expect(page.querySelectorAll('.katex').length).toBe(4))
    expect(page.querySelectorAll('.katex-display').length).toBe(2)
    expect(page.querySelector('.inline-code')?.textContent).toBe('$code$')
    expect(page.querySelector('ul')).toBeNull()
  })

  it('takes money for money', async () => {
    const text = 'It cost $5 and $10, then US$3/US$4; $1,200 to $1,300, ($5) and ($6), \\$7 and \\$8.'
    const page = await show(text)
    expect(page.querySelector('.katex')).toBeNull()
    expect(page.querySelector('.prose')?.textContent).toBe(text.replaceAll('\\', ''))
  })

  it('leaves a marker that names no source as text', async () => {
    expect((await show('see [7]')).textContent).toContain('[7]')
  })

  it('runs nothing, loads nothing and links nowhere dangerous', async () => {
    const page = await show(
      '<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) ![p](https://evil.example/p.png) ![q](/v1/containers/../../api/me)',
    )
    expect(page.querySelector('script')).toBeNull()
    expect(page.querySelector('img')).toBeNull()
    expect([...page.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? '')).not.toContain(
      'javascript:alert(1)',
    )
  })
})

describe('an event stream', () => {
  const wire =
    'event: a\r\nid: 0\r\ndata: {"x":\r\ndata: 1}\r\n\r\n: ping\nevent: b\nid: 1\ndata: 2\n\ndata: cut off'
  const expected = [
    { event: 'a', data: '{"x":\n1}', id: '0' },
    { event: 'b', data: '2', id: '1' },
  ]

  it('reads the same however the bytes are cut', () => {
    for (const size of [1, 2, 5, 1000]) {
      const parse = eventParser()
      const events = []
      for (let at = 0; at < wire.length; at += size) events.push(...parse(wire.slice(at, at + size)))
      expect(events).toEqual(expected)
    }
  })
})

describe('a conversation', () => {
  const user = (text: string) =>
    ({ type: 'message', id: text, role: 'user', content: [{ type: 'input_text', text }] }) as never
  const answer = (text: string) =>
    ({
      type: 'message',
      id: `a-${text}`,
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
    }) as never

  it('becomes questions with their answers', () => {
    const turns = turnsOf([user('一'), answer('1'), user('二'), answer('2')], null, [])
    expect(turns.map((turn) => [turn.question.text, turn.run.steps.length, turn.run.status])).toEqual([
      ['一', 1, 'completed'],
      ['二', 1, 'completed'],
    ])
  })

  it('leaves the items of a running response to its events', () => {
    const running = { id: 'resp_1', status: 'in_progress' as const, output: [answer('半')] }
    const [turn] = turnsOf([user('一'), answer('半')], running, [user('一')])
    expect([turn?.run.id, turn?.run.steps, turn?.run.lastSeq]).toEqual(['resp_1', [], -1])
  })

  it('shows a question that is only in the running response yet', () => {
    const turns = turnsOf([user('一'), answer('1')], { id: 'resp_2', status: 'queued' }, [user('二')])
    expect(turns.map((turn) => turn.question.text)).toEqual(['一', '二'])
  })

  it('groups the same question asked again as versions', () => {
    const turns = turnsOf([user('一'), answer('1'), user('一'), answer('2'), user('二')], null, [])
    expect(versionsOf(turns).map((group) => group.length)).toEqual([2, 1])
  })
})

describe('a source', () => {
  it('has its tables as tables', () => {
    const passage =
      '主要会计数据 单位：元\n | 2019年 | 2018年\n营业收入 | 1,275 | 1,330\n净利润 | 139 | 192\n以上为合并口径 | 注'
    expect(partsOf(passage)).toEqual([
      { kind: 'text', text: '主要会计数据 单位：元' },
      {
        kind: 'table',
        rows: [
          ['', '2019年', '2018年'],
          ['营业收入', '1,275', '1,330'],
          ['净利润', '139', '192'],
          ['以上为合并口径', '注'],
        ],
      },
    ])
    expect(partsOf('| a | b |\n|---|---|\n| 1 | x \\| y |')).toEqual([
      {
        kind: 'table',
        rows: [
          ['a', 'b'],
          ['1', 'x | y'],
        ],
      },
    ])
    expect(partsOf('either | or, in a sentence')).toEqual([
      { kind: 'text', text: 'either | or, in a sentence' },
    ])
  })
})

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

describe('formats', () => {
  it('are short and exact', () => {
    expect([
      bytes(999, 'en'),
      bytes(2_440_000, 'en'),
      duration(842, 'en'),
      duration(6400, 'en'),
      duration(125_000, 'en'),
    ]).toEqual(['999 B', '2.4 MB', '842 ms', '6.4 s', '2 min 5 s'])
    expect(money(31_000_000, 'CNY', 'en')).toBe('¥0.031')
  })

  it('group by day', () => {
    const now = new Date(2026, 10, 23, 12)
    const day = 86_400_000
    const groups = byDay(
      [0, 1, 3, 40].map((n) => now.getTime() - n * day),
      (time) => time,
      { today: 'T', yesterday: 'Y', week: 'W' },
      'en',
      now,
    )
    expect(groups.map((group) => group.label)).toEqual(['T', 'Y', 'W', 'October 2026'])
  })
})
