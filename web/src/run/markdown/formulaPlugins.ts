// What draws formulas: KaTeX with its own fonts. Loaded with the first formula.

import 'katex/dist/katex.min.css'
import type { ComponentProps } from 'react'
import type ReactMarkdown from 'react-markdown'
import rehypeKatex from 'rehype-katex'
import remarkMath from 'remark-math'

type Plugins = NonNullable<ComponentProps<typeof ReactMarkdown>['remarkPlugins']>

export const remark: Plugins = [[remarkMath, { singleDollarTextMath: false }]]
// What a model writes may be wrong or wild: it is shown in red, draws no rule beyond the page, and links nowhere.
export const rehype: Plugins = [
  [rehypeKatex, { strict: 'ignore', maxSize: 40, maxExpand: 300, trust: false, errorColor: 'var(--bad)' }],
]
