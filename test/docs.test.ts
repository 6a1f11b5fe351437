/**
 * The documentation is true: every command of `docs/*.md` and of the quick start runs as printed, against real
 * programs, and prints what is shown. Tables that come from the code are the code's.
 */

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { describe, expect, it, type TestContext } from 'vitest'
import { AGENT_PROGRAM } from '../device-client/node/cli/program.ts'
import { EXIT } from '../schemas/cli/exitCode.ts'
import { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE, FILE_ZSTD_TYPE } from '../schemas/delta/contentTypes.ts'
import { SERVER_PROGRAM } from '../server/cli/program.ts'
import { formatSettings } from '../server/config/settings.ts'
import { type DocsBlock, outline, outlineJson, readDocsBlocks } from './support/docsBlocks.ts'
import { type DocsShell, openDocsShell } from './support/docsShell.ts'
import { PACKED } from './support/programs.ts'
import { interop } from './support/requireProgram.ts'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const quickStart = read('README.md').split(/^## /m)[1] ?? ''

/** Documents wait for many short processes: they run side by side, and take their time on a busy machine. */
const DOCUMENT_MS = 300_000

/** Foreign programs a document's commands use. */
function foreignPrograms(blocks: readonly DocsBlock[]) {
  const text = blocks.flatMap((block) => block.commands).join('\n')
  const used = ['sqlite3', 'curl', 'jq'].filter((name) => new RegExp(`\\b${name} `).test(text))
  const found = used.map((name) => interop(name, name))
  return { available: found.every((one) => one.available), reason: found.map((one) => one.reason).join('') }
}

async function openShell(
  { onTestFinished }: TestContext,
  ...parts: Parameters<typeof openDocsShell>
): Promise<DocsShell> {
  const shell = await openDocsShell(...parts)
  onTestFinished(() => shell.remove())
  return shell
}

async function runBlock(shell: DocsShell, name: string, block: DocsBlock): Promise<void> {
  const { commands, shown, line } = block
  const where = `${name}, line ${line}`
  const text = await shell.run(commands, shown?.kind === 'json' ? 'stdout' : 'all').catch((cause: unknown) => {
    throw new Error(`${where}: ${String(cause)}`, { cause })
  })
  if (shown?.kind === 'console') expect(outline(text), where).toBe(outline(shown.text))
  if (shown?.kind === 'json') expect(outlineJson(JSON.parse(text)), where).toEqual(outlineJson(JSON.parse(shown.text)))
}

describe.concurrent('every documented command runs and prints what is shown', () => {
  for (const page of pages) {
    const blocks = readDocsBlocks(read(`docs/${page}`))
    const { available, reason } = foreignPrograms(blocks)
    it.skipIf(!available || blocks.length === 0)(
      `docs/${page} ${reason}`,
      { timeout: DOCUMENT_MS },
      async (context) => {
        // Nobody measures how soon these servers are at their best, as with `startServer`.
        const shell = await openShell(context, PACKED, { NIGHTFERRY_REHEARSE: 'off' })
        for (const block of blocks) await runBlock(shell, page, block)
        await shell.stop()
      },
    )
  }

  it('the quick start of README.md', { timeout: DOCUMENT_MS }, async (context) => {
    const [start, ...others] = readDocsBlocks(quickStart)
    expect(start?.commands).toEqual(['npm start'])
    const shell = await openShell(context, root)
    new Database(join(shell.home, 'app.db')).exec('CREATE TABLE t(x); INSERT INTO t VALUES (1)').close()
    // What `npm start` runs; the demo ends by itself, then the server goes on.
    const program = join(root, 'server/cli/start.mjs')
    const demo = join(shell.home, 'demo')
    mkdirSync(demo)
    const args = [program, '--demo-only', '--port', '0', '--data', demo]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    // How the files were compared depends on whether the sqlite3 shell is there.
    const table = (text: string) => outline(text).replace(/ \(by .*\)/, '')
    expect(table(stdout)).toBe(table(start?.shown?.text ?? ''))
    await shell.run(['npx nightferry serve'], 'all')
    for (const block of others) await runBlock(shell, 'README.md', block)
    await shell.stop()
  })
})

describe('tables and names are those of the code', () => {
  it('settings, as formatSettings prints them', () => {
    expect(read('docs/operator.md')).toContain(`\n${formatSettings()}\n`)
  })

  it('every command has its place', () => {
    const agent = read('docs/device.md')
    const server = read('docs/operator.md')
    const missing = [
      ...AGENT_PROGRAM.commands.filter(({ name, hidden }) => !hidden && !agent.includes(`| \`${name}`)),
      ...SERVER_PROGRAM.commands.filter(({ name, hidden }) => !hidden && !server.includes(name)),
    ]
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  it('exit codes and media types', () => {
    const codes = [...read('docs/device.md').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
    expect(codes).toEqual(Object.values(EXIT))
    for (const type of [DELTA_TYPE, FILE_GZIP_TYPE, FILE_ZSTD_TYPE, DATABASE_FILE_TYPE])
      expect(read('docs/protocol.md')).toContain(`\`${type}\``)
  })

  it('the example of a Delta is that of the rules', () => {
    const example = /^```xml\n[\s\S]*?^```$/m.exec(read('schemas/DESIGN.md'))?.[0] ?? 'none'
    expect(read('docs/protocol.md')).toContain(example)
  })

  it('every link leads somewhere', () => {
    const documents = [...pages.map((page) => `docs/${page}`), 'README.md', 'SECURITY.md']
    const dead = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)]
        .map(([, target = '']) => join(root, dirname(document), target))
        .filter((target) => !existsSync(target)),
    )
    expect(dead).toEqual([])
  })
})
