// @vitest-environment node
// The layout of src/: who may import whom, where styles and words live, and that nothing names what is not there.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(path, 'utf8')
const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => /\.\w+$/.test(path))
const code = files.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
const sheets = files.filter((path) => path.endsWith('.module.css'))

/** What a file imports of our own, as paths below src. */
function importsOf(path: string): string[] {
  const found = read(join('src', path)).matchAll(/(?:from |import |import\()'(\.[^']+)'/g)
  return [...found].map(([, name = '']) => {
    const wanted = normalize(join(dirname(path), name))
    const file = ['', '.ts', '.tsx', '/index.ts', '/index.tsx']
      .map((ending) => wanted + ending)
      .find((path) => files.includes(path))
    if (!file && !wanted.endsWith('schema')) throw new Error(`${path} imports ${wanted}, which is not there`)
    return file ?? wanted
  })
}

const graph = new Map(code.map((path) => [path, importsOf(path)]))

/** Who may import whom, from the ground up. */
const LAYERS: Record<string, string[]> = {
  api: [],
  i18n: ['api'],
  ui: ['i18n'],
  run: ['api', 'i18n', 'ui'],
  features: ['api', 'i18n', 'ui', 'run'],
  shell: ['api', 'i18n', 'ui', 'run', 'features'],
}
const layerOf = (path: string) => path.split('/')[0] ?? ''
const isWords = (path: string) => /\/words\.\w+\.ts$/.test(path)

describe('the parts of the console', () => {
  it('import only what lies below them', () => {
    const wrong = [...graph].flatMap(([path, imports]) =>
      imports
        .filter((other) => {
          const [from, to] = [layerOf(path), layerOf(other)]
          const allowed = LAYERS[from]
          return allowed && from !== to && !allowed.includes(to) && !isWords(other)
        })
        .filter(() => !path.includes('.test.'))
        .map((other) => `${path} imports ${other}`),
    )
    expect(wrong).toEqual([])
  })

  it('have no circle', () => {
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, trail: string[]) => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      if (done.has(path) || trail.includes(path)) return
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
    expect(circles).toEqual([])
  })

  it('of the features have no circle either', () => {
    const feature = (path: string) => /^features\/(\w+)/.exec(path)?.[1]
    const pairs = [...graph].flatMap(([path, imports]) =>
      imports.flatMap((other) => {
        const [from, to] = [feature(path), feature(other)]
        return from && to && from !== to ? [`${from} ${to}`] : []
      }),
    )
    const both = pairs.filter((pair) => pairs.includes(pair.split(' ').reverse().join(' ')))
    expect(both).toEqual([])
  })
})

const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The classes that a sheet defines, as its page names them. */
function classesOf(sheet: string): Set<string> {
  const rules = read(join('src', sheet))
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/:global\([^)]*\)/g, '')
    .replace(/\{[^{}]*\}/g, '{}')
  return new Set([...rules.matchAll(/\.([a-zA-Z][\w-]*)/g)].map(([, name = '']) => camel(name)))
}

describe('styles', () => {
  it('are global in the palette and the resets alone', () => {
    expect(files.filter((path) => path.endsWith('.css') && !path.endsWith('.module.css')).sort()).toEqual([
      'styles/reset.css',
      'styles/tokens.css',
    ])
  })

  it('are all used, and every one that is used is there', () => {
    const wrong = sheets.flatMap((sheet) => {
      const used = new Set<string>()
      for (const path of code) {
        const text = read(join('src', path))
        for (const [, name, from = ''] of text.matchAll(/import (\w+) from '([^']+\.module\.css)'/g)) {
          if (normalize(join(dirname(path), from)) !== sheet) continue
          for (const [, word = ''] of text.matchAll(new RegExp(`(?<![\\w/])${name}\\.(\\w+)`, 'g')))
            used.add(word)
        }
      }
      const there = classesOf(sheet)
      return [
        ...[...used].filter((name) => !there.has(name)).map((name) => `${sheet} has no ${name}`),
        ...[...there].filter((name) => !used.has(name)).map((name) => `nobody uses ${name} of ${sheet}`),
      ]
    })
    expect(wrong).toEqual([])
  })
})

describe('words', () => {
  it('stand in both languages beside each other, and are gathered', () => {
    const parts = files.filter((path) => path.endsWith('words.en.ts')).sort()
    for (const language of ['en', 'zh']) {
      const gathered = importsOf(`i18n/${language}.ts`).filter(isWords).sort()
      expect(gathered).toEqual(parts.map((path) => path.replace('.en.ts', `.${language}.ts`)))
    }
  })

  it('have one meaning: no part says what another one says already', () => {
    const keys = files
      .filter((path) => path.endsWith('words.en.ts'))
      .flatMap((path) => [...read(join('src', path)).matchAll(/^ {2}'([\w.]+)':/gm)].map(([, key]) => key))
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([])
  })

  it('are all said somewhere', () => {
    const text = code
      .filter((path) => !isWords(path))
      .map((path) => read(join('src', path)))
      .join('\n')
    // What is put together at run time: a state, a reason, a role.
    const spelled = [...text.matchAll(/`([a-z]+(?:\.[a-z]+)*)\.?\$\{/g)].map(([, start = '']) => start)
    const keys = files
      .filter((path) => path.endsWith('words.en.ts'))
      .flatMap((path) =>
        [...read(join('src', path)).matchAll(/^ {2}'([\w.]+)':/gm)].map(([, key = '']) => key),
      )
    const unsaid = keys.filter(
      (key) => !text.includes(`'${key}'`) && !spelled.some((start) => key.startsWith(start)),
    )
    expect(unsaid).toEqual([])
  })
})

describe('what lies outside of src', () => {
  it('the gateway knows the first part of every address of the console', () => {
    const gateway = read('../crates/services/api-gateway/src/console.rs')
    const known = /const PAGES: \[&str; \d+\] = \[([^\]]*)\]/.exec(gateway)?.[1] ?? ''
    const routes = [...read('src/router.tsx').matchAll(/path: '\/(\w+)/g)].map(([, root = '']) => root)
    expect([...known.matchAll(/"(\w+)"/g)].map(([, root]) => root).sort()).toEqual(
      [...new Set(routes)].sort(),
    )
  })

  it('the tests in a browser look for marks that are there', () => {
    const marks = new Set(
      code.flatMap((path) =>
        [...read(join('src', path)).matchAll(/data-testid="([\w-]+)"/g)].map(([, mark = '']) => mark),
      ),
    )
    const wanted = readdirSync('e2e').flatMap((path) =>
      [...read(join('e2e', path)).matchAll(/data-testid=([\w-]+)/g)].map(([, mark = '']) => mark),
    )
    expect([...new Set(wanted)].filter((mark) => !marks.has(mark))).toEqual([])
  })
})
