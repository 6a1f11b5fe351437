/**
 * Checks how the project is laid out: who imports whom (the table of the house style, as it stands here), how long
 * files are, and what no file may contain. Reads the sources as text; nothing is run.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

const sources: readonly SourceFile[] = ['schemas', 'server', 'device-client', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name) && !name.includes('node_modules'))
    .map((name) => readSource(join(root, folder, name))),
)

function readSource(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const path = relative(root, file).replaceAll('\\', '/')
  const statements = text.matchAll(
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm,
  )
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)
  const found = [...statements, ...dynamic].map((match) => match[1] ?? match[2] ?? '')
  return {
    path,
    text,
    imports: found.map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name)),
  }
}

/** Parts of the house by the beginning of their paths; the longest beginning wins. */
const adapters = [
  'server/sql/betterSqlite.ts',
  'server/catalogue/sqlite/',
  'server/account/sqlite/',
  'server/storage/',
  'server/keys/',
]

interface Rule {
  readonly from: RegExp
  /** What may be imported of ours; own folder included. */
  readonly ours: RegExp
  /** Outside packages and `node:` modules. */
  readonly outside: RegExp
}

/** The import table. The first rule that fits a file holds for it. */
const rules: readonly Rule[] = [
  // Launchers run before anything is installed; both programs share one.
  { from: /^(server\/cli|device-client\/node)\/\w[\w-]*\.mjs$/, ours: /^server\/cli\/launch\.mjs$/, outside: /^node:/ },
  // The types of commander only: both programs hand the module in.
  { from: /^schemas\/cli\/frame\.ts$/, ours: /^schemas\//, outside: /^commander$/ },
  {
    from: /^schemas\//,
    ours: /^schemas\//,
    outside: /^(zod|zod-openapi|jose|fast-xml-parser|saxes|pako|ical\.js|@noble\/hashes.*)$/,
  },
  { from: /^device-client\/browser\//, ours: /^(schemas\/|device-client\/(?!node\/))/, outside: /^(pako|sql\.js)$/ },
  {
    from: /^device-client\/node\//,
    ours: /^(schemas\/|device-client\/(?!browser\/))/,
    outside: /^(node:|better-sqlite3$|commander$|node-cron$|@clack\/prompts$)/,
  },
  {
    from: /^device-client\//,
    ours: /^(schemas\/|device-client\/(?!node\/|browser\/))/,
    outside: /^(jose|@noble\/hashes.*)$/,
  },
  { from: /^server\/(main|assemble\w*)\.ts$/, ours: /^(schemas|server)\//, outside: /^node:/ },
  // The demo makes and compares database files as an application would.
  { from: /^server\/cli\/demo\//, ours: /^(schemas\/|server\/(cli|sql)\/)/, outside: /^node:/ },
  { from: /^server\/cli\//, ours: /^(schemas|server)\//, outside: /^(node:|zod$|commander$|@clack\/prompts$)/ },
  {
    from: /^server\/http\//,
    ours: /^(schemas\/|server\/(?!cli\/|assemble))/,
    outside: /^(node:|express$|zod$|zod-openapi$|rate-limiter-flexible$)/,
  },
  { from: /^server\/(?:\w+\/)*\w+\.ts$/, ours: /^(schemas\/|server\/(?!cli\/|http\/|assemble))/, outside: /./ },
  { from: /^test\//, ours: /./, outside: /./ },
]

/** Arrows between the domain folders of the server; ports, errors, logger and metrics are free for all. */
const domainArrows: Readonly<Record<string, readonly string[]>> = {
  omads: ['datastore', 'account'],
  datastore: ['backup', 'changes'],
  restore: ['backup', 'timeMachine'],
  timeMachine: ['backup'],
  backup: [],
  account: ['identity'],
  changes: [],
  delivery: [],
  push: [],
  alerts: ['push'],
  trace: [],
  identity: [],
  quota: ['datastore'],
}
const ports =
  /^server\/(sql\/sqlDatabase|storage\/storage|storage\/spool|keys\/keyRing|catalogue\/\w+|datastore\/datastore|account\/accountService|account\/accountStore|errors|logger|metrics|steps)\.ts$/
const isAdapter = (path: string) => adapters.some((adapter) => path.startsWith(adapter)) && !ports.test(path)

const isOurs = (name: string) => /^(schemas|server|device-client|test)\//.test(name)

/** What runs in the child process (BK-8): it has no assembly above it, so its files name their adapters themselves. */
const childProcess = reachableFrom('server/worker/worker.ts')

function reachableFrom(start: string): ReadonlySet<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const reached = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    open.push(...(byPath.get(path)?.imports ?? []).filter((name) => byPath.has(name)))
  }
  return reached
}

describe('who imports whom', () => {
  it('sees the sources', () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.flatMap((source) => source.imports).length).toBeGreaterThan(300)
  })

  it('[DC-20] every import is in the table', () => {
    const wrong = sources.flatMap(({ path, imports }) => {
      const rule = rules.find((candidate) => candidate.from.test(path))
      if (rule === undefined) return [`${path} has no row in the table`]
      return imports
        .filter((name) => !(isOurs(name) ? rule.ours : rule.outside).test(name))
        .map((name) => `${path} imports ${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('server and device-client never import each other, and nothing imports test', () => {
    const wrong = sources.flatMap(({ path, imports }) => {
      const launcher = path.endsWith('.mjs')
      return imports
        .filter((name) => {
          if (name.startsWith('test/')) return !path.startsWith('test/')
          if (path.startsWith('server/')) return name.startsWith('device-client/')
          return path.startsWith('device-client/') && name.startsWith('server/') && !launcher
        })
        .map((name) => `${path} imports ${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('domain folders of the server keep to their arrows and know no adapter', () => {
    const wrong = sources.flatMap(({ path, imports }) => {
      const folder = /^server\/(\w+)\//.exec(path)?.[1] ?? ''
      const arrows = domainArrows[folder]
      if (arrows === undefined || isAdapter(path) || childProcess.has(path)) return []
      return imports
        .filter((name) => name.startsWith('server/') && !name.startsWith(`server/${folder}/`) && !ports.test(name))
        .filter((name) => isAdapter(name) || !arrows.includes(/^server\/(\w+)\//.exec(name)?.[1] ?? ''))
        .map((name) => `${path} imports ${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('relative imports end in .ts (or .mjs) and are there', () => {
    const known = new Set(sources.map((source) => source.path))
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter((name) => isOurs(name) && !name.endsWith('.json') && !known.has(name))
        .map((name) => `${path} imports ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('files', () => {
  it('none is longer than 300 lines, unless its head says why', () => {
    const wrong = sources.filter(
      ({ text }) =>
        text.split('\n').length > 301 && !/^\/\*\*[\s\S]*?\blonger than 300 lines because\b/.test(text.slice(0, 2000)),
    )
    expect(wrong.map((source) => `${source.path}: ${source.text.split('\n').length} lines`)).toEqual([])
  })

  it('each opens with what it is for', () => {
    const wrong = sources.filter(({ text }) => !/^(#![^\n]*\n)?\/\*\*/.test(text))
    expect(wrong.map((source) => source.path)).toEqual([])
  })

  it('names are camelCase after what they hold, and never a drawer for everything', () => {
    const wrong = sources
      .map((source) => source.path)
      .filter((path) => {
        const name = path.split('/').at(-1) ?? ''
        const shape = /^[a-z][A-Za-z0-9]*(\.test)?\.ts$/.test(name) || /^[a-z][a-z-]*\.mjs$/.test(name)
        return !shape || /(utils?|helpers?|managers?|misc|common)(\.test)?\.ts$/i.test(name)
      })
    expect(wrong).toEqual([])
  })
})

/** What must not stand in a source, each with its reason. This file is left out: it has to name them. */
const forbidden: readonly { readonly pattern: RegExp; readonly reason: string; readonly where: RegExp }[] = [
  { pattern: /(:|<|\bas|,)\s*any\b(?!\s*[a-z])/, reason: 'no any', where: /\.ts$/ },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, reason: 'no silenced types', where: /\.ts$/ },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d+)/, reason: 'no unfinished work without an issue', where: /./ },
  { pattern: /\/(home|root|work|Users)\/[a-z]/, reason: "no path of somebody's machine", where: /./ },
  {
    pattern: /\bconsole\.(log|error|warn|info)\b/,
    reason: 'output goes through logger or answer',
    where: /^(schemas|server|device-client)\//,
  },
  { pattern: /\b(it|describe|test)\.only\b/, reason: 'no test alone', where: /^test\// },
  { pattern: /\b(enum|namespace)\s+[A-Z]\w*\s*\{/, reason: 'erasable syntax only', where: /\.ts$/ },
]

describe('text', () => {
  it.each(forbidden)('$reason', ({ pattern, where }) => {
    const wrong = sources
      .filter(({ path }) => where.test(path) && path !== 'test/architecture.test.ts')
      .flatMap(({ path, text }) =>
        stripComments(text, pattern).flatMap((line, index) =>
          pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [],
        ),
      )
    expect(wrong).toEqual([])
  })

  it('a change of a folder is noticed: every folder of the table exists', () => {
    const folders = new Set(sources.map(({ path }) => dirname(path).split('/').slice(0, 2).join('/')))
    for (const folder of [
      'server/cli',
      'server/http',
      'server/omads',
      'server/backup',
      'server/restore',
      'device-client/node',
      'device-client/browser',
      'schemas/syncml',
    ]) {
      expect(folders).toContain(folder)
    }
  })
})

/** Lines of code only, for patterns that are plain words in prose. */
function stripComments(text: string, pattern: RegExp): string[] {
  const inProse = pattern.source.includes('any') || pattern.source.includes('enum')
  const bare = inProse
    ? text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'[^'\n]*'|`[^`]*`/g, (part) => part.replaceAll(/[^\n]/g, ' '))
    : text
  return bare.split('\n')
}
