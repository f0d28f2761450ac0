// Draws an answer. Each block is memoised: while text streams in, only the last one is drawn again. A long answer is
// drawn where the reader is; the rest is there as plain text until they come near.

import { Component, type ComponentProps, memo, type ReactNode, useEffect, useRef, useState } from 'react'
import ReactMarkdown from 'react-markdown'
import remarkCjkFriendly from 'remark-cjk-friendly'
import remarkGfm from 'remark-gfm'
import { useLanguage } from '../../i18n'
import { CodeBlock } from '../../ui/CodeBlock'
import fade from '../../ui/fade.module.css'
import textStyles from '../../ui/text.module.css'
import { Chart, isContainerUrl } from '../Chart'
import { Citation } from '../Citation'
import { remarkCitations } from '../citations'
import { blockCutter, fenceOf, mend } from './blocks'
import { mayHaveFormula, withFormulas } from './formulas'
import styles from './Markdown.module.css'

type Plugins = NonNullable<ComponentProps<typeof ReactMarkdown>['remarkPlugins']>

const PLUGINS: Plugins = [
  // Emphasis next to Chinese punctuation, which the rules of Western spacing miss: **“重点”**内容
  remarkCjkFriendly,
  // A single ~ is a range in Chinese text ("20~25 亿"), not a strike-through.
  [remarkGfm, { singleTilde: false }],
  remarkCitations,
]

type Components = NonNullable<ComponentProps<typeof ReactMarkdown>['components']>

// Whatever depth an answer starts its headings at, on the page they all stand below the page's title.
const Heading: Components['h1'] = ({ children, node }) => (
  <h2 data-depth={Math.min(3, Number(node?.tagName.slice(1) ?? 3))}>{children}</h2>
)

/** Where links may lead: to other sites and to mail, and to the notes of the same answer. The rest becomes text. */
export const safeLink = (url: string) => (/^(https?:\/\/|mailto:|#)/i.test(url.trim()) ? url : '')

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
      <code className={styles.inlineCode}>{children}</code>
    )
  },
  table: ({ children }) => (
    <div className={`${styles.table} ${fade.sideways}`} tabIndex={0} role="group">
      <table>{children}</table>
    </div>
  ),
  a({ href, children }) {
    if (!href) return <span>{children}</span>
    if (href.startsWith('#')) return <a href={href}>{children}</a>
    return (
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        {children}
      </a>
    )
  },
  img: ({ src, alt }) => <Picture src={typeof src === 'string' ? src : ''} alt={alt ?? ''} />,
  data: ({ value }) => <Citation number={Number(value)} />,
}

/** Links by their scheme; pictures keep their address, for those of our own server are drawn. */
const urlTransform = (url: string, key: string) => (key === 'src' ? url : safeLink(url))

function Picture({ src, alt }: { src: string; alt: string }) {
  const { t } = useLanguage()
  if (isContainerUrl(src)) return <Chart url={src} name={alt || 'chart'} />
  // The page's policy loads nothing from elsewhere; a picture could tell others who reads this.
  return <span className={textStyles.dim}>{alt || t('chat.externalImage')}</span>
}

type Formulas = { remark: Plugins; rehype: Plugins }
let formulas: Formulas | null = null

/** The plugins for formulas, once the text needs them and they are here. */
function useFormulas(text: string): Formulas | null {
  const wanted = mayHaveFormula(text) && withFormulas(text).includes('$$')
  const [loaded, setLoaded] = useState(formulas)
  useEffect(() => {
    if (!wanted || formulas) {
      if (wanted) setLoaded(formulas)
      return
    }
    let gone = false
    import('./formulaPlugins')
      .then(({ remark, rehype }) => {
        formulas = { remark, rehype }
        if (!gone) setLoaded(formulas)
      })
      // Without them the formula is still readable as it was written.
      .catch(() => undefined)
    return () => {
      gone = true
    }
  }, [wanted])
  return wanted ? loaded : null
}

const Block = memo(function Block({ text }: { text: string }) {
  const math = useFormulas(text)
  const fence = fenceOf(text)
  if (fence) return <CodeBlock {...fence} />
  return (
    <Plain text={text}>
      <ReactMarkdown
        remarkPlugins={math ? [...math.remark, ...PLUGINS] : PLUGINS}
        rehypePlugins={math?.rehype ?? null}
        components={components}
        urlTransform={urlTransform}
      >
        {math ? withFormulas(text) : text}
      </ReactMarkdown>
    </Plain>
  )
})

/** What cannot be drawn, such as a thousand quotes inside each other, is shown as it was written. */
class Plain extends Component<{ text: string; children: ReactNode }, { broken: string | null }> {
  override state = { broken: null }
  static getDerivedStateFromError = () => ({ broken: '' })
  override componentDidUpdate(before: { text: string }) {
    if (this.state.broken !== null && before.text !== this.props.text) this.setState({ broken: null })
  }
  override render() {
    return this.state.broken === null ? (
      this.props.children
    ) : (
      <p className={styles.asWritten}>{this.props.text}</p>
    )
  }
}

/** Up to this many characters an answer is drawn whole. */
const WHOLE = 30_000
/** About this many characters are drawn together. */
const SECTION = 6_000

type Placed = { text: string; at: number }

/** Blocks in sections of about the same size. They only grow at the end, so each keeps its place. */
function sectionsOf(blocks: string[]): Placed[][] {
  const sections: Placed[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const [at, text] of blocks.entries()) {
    if (size + text.length > SECTION) {
      sections.push([])
      size = 0
    }
    sections.at(-1)?.push({ text, at })
    size += text.length
  }
  return sections
}

export const Markdown = memo(function Markdown({ text, growing }: { text: string; growing: boolean }) {
  const cutter = useRef<ReturnType<typeof blockCutter> | null>(null)
  cutter.current ??= blockCutter()
  const blocks = cutter.current(text)
  const last = blocks.length - 1
  const draw = ({ text: block, at }: Placed) => (
    // A block never moves, it only grows or is followed by others.
    <Block key={at} text={growing && at === last && !fenceOf(block) ? mend(block) : block} />
  )
  if (text.length <= WHOLE)
    return (
      <div className={styles.prose} data-testid="prose" data-growing={growing || undefined}>
        {blocks.map((block, at) => draw({ text: block, at }))}
      </div>
    )
  const sections = sectionsOf(blocks)
  return (
    <div className={styles.prose} data-testid="prose" data-growing={growing || undefined}>
      {sections.map((section, at) => (
        <Section
          // biome-ignore lint/suspicious/noArrayIndexKey: the position is the identity
          key={at}
          blocks={section}
          draw={draw}
          near={growing && at === sections.length - 1}
        />
      ))}
    </div>
  )
})

/** A part of a long answer: plain text until the reader comes near, drawn from then on. */
function Section({
  blocks,
  draw,
  near,
}: {
  blocks: Placed[]
  draw: (block: Placed) => ReactNode
  near: boolean
}) {
  const box = useRef<HTMLDivElement>(null)
  const [drawn, setDrawn] = useState(near || typeof IntersectionObserver === 'undefined')
  useEffect(() => {
    if (drawn || !box.current) return
    const watcher = new IntersectionObserver(
      (seen) => {
        if (seen.some((one) => one.isIntersecting)) setDrawn(true)
      },
      { root: box.current.closest('[data-scrolls]'), rootMargin: '800px' },
    )
    watcher.observe(box.current)
    return () => watcher.disconnect()
  }, [drawn])
  return (
    <div className={styles.section} ref={box} data-drawn={drawn || undefined}>
      {drawn ? (
        blocks.map(draw)
      ) : (
        <p className={styles.asWritten}>{blocks.map((block) => block.text).join('')}</p>
      )}
    </div>
  )
}
