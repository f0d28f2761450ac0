import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen, waitFor } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { LanguageProvider } from '../../i18n'
import { Sources } from '../Citation'
import { markersIn } from '../citations'
import type { Source } from '../sources'
import { blockCutter, mend } from './blocks'
import { Markdown } from './Markdown'

afterEach(cleanup)

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
  await waitFor(() => expect(view.container.querySelector('[data-testid=prose]')).not.toBeNull())
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
    expect(page.querySelector('code')?.textContent).toBe('$code$')
    expect(page.querySelector('ul')).toBeNull()
  })

  it('takes money for money', async () => {
    const text = 'It cost $5 and $10, then US$3/US$4; $1,200 to $1,300, ($5) and ($6), \\$7 and \\$8.'
    const page = await show(text)
    expect(page.querySelector('.katex')).toBeNull()
    expect(page.querySelector('[data-testid=prose]')?.textContent).toBe(text.replaceAll('\\', ''))
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
