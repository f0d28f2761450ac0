// Draws an answer. Each block is memoised: while text streams in, only the last one is drawn again.

import { type ComponentProps, memo, useRef } from 'react'
import ReactMarkdown from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { useLanguage } from '../i18n'
import { blockCutter, mend } from './blocks'
import { Chart, isContainerUrl } from './Chart'
import { Citation } from './Citation'
import { CodeBlock } from './CodeBlock'
import { remarkCitations } from './citations'

const plugins: ComponentProps<typeof ReactMarkdown>['remarkPlugins'] = [
  // A single ~ is a range in Chinese text ("20~25 亿"), not a strike-through.
  [remarkGfm, { singleTilde: false }],
  remarkCitations,
]

type Components = NonNullable<ComponentProps<typeof ReactMarkdown>['components']>

// Whatever depth an answer starts its headings at, on the page they all stand below the page's title.
const Heading: Components['h1'] = ({ children, node }) => (
  <h2 data-depth={Math.min(3, Number(node?.tagName.slice(1) ?? 3))}>{children}</h2>
)

const components: Components = {
  h1: Heading,
  h2: Heading,
  h3: Heading,
  h4: Heading,
  h5: Heading,
  h6: Heading,
  pre: ({ children }) => <>{children}</>,
  code({ className, children, node }) {
    const text = String(children ?? '').replace(/\n$/, '')
    const language = /language-([\w+-]+)/.exec(className ?? '')?.[1]
    const block =
      language !== undefined || (node?.position && node.position.start.line < node.position.end.line)
    return block ? (
      <CodeBlock code={text} language={language ?? ''} />
    ) : (
      <code className="inline-code">{children}</code>
    )
  },
  table: ({ children }) => (
    <div className="table" tabIndex={0} role="group">
      <table>{children}</table>
    </div>
  ),
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ),
  img: ({ src, alt }) => <Picture src={typeof src === 'string' ? src : ''} alt={alt ?? ''} />,
  data: ({ value }) => <Citation number={Number(value)} />,
}

function Picture({ src, alt }: { src: string; alt: string }) {
  const { t } = useLanguage()
  if (isContainerUrl(src)) return <Chart url={src} name={alt || 'chart'} />
  // The page's policy loads nothing from elsewhere; a picture could tell others who reads this.
  return <span className="dim">{alt || t('chat.externalImage')}</span>
}

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={plugins} components={components}>
      {text}
    </ReactMarkdown>
  )
})

export const Markdown = memo(function Markdown({ text, growing }: { text: string; growing: boolean }) {
  const cutter = useRef<ReturnType<typeof blockCutter> | null>(null)
  cutter.current ??= blockCutter()
  const blocks = cutter.current(text)
  return (
    <div className="prose" data-growing={growing || undefined}>
      {blocks.map((block, at) => (
        // A block never moves, it only grows or is followed by others.
        // biome-ignore lint/suspicious/noArrayIndexKey: the position is the identity
        <Block key={at} text={growing && at === blocks.length - 1 ? mend(block) : block} />
      ))}
    </div>
  )
})
