/**
 * What a folder of files costs through the real programs, beside restic on the same folder in the same run, where it is
 * installed: the first backup, a night in which one file changed, one in which nothing did, and a restore.
 *
 *   node bench/files.ts [--mb 1024] [--files 1000] [--json]
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createRegisteredAgent } from '../test/support/agentProcess.ts'
import { startServer } from '../test/support/startServer.ts'

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '1024' },
    files: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
})

const STEPS = ['first', 'one changed', 'none changed', 'restore'] as const
type Step = (typeof STEPS)[number]

/** `bytes`: on the wire for us, added to the repository for restic; of a restore what arrived. */
interface Cost {
  readonly ms: number
  readonly bytes: number | null
}
type Costs = Record<Step, Cost>

interface Program {
  backUp(): Promise<number>
  restore(to: string): Promise<number | null>
}

const folder = mkdtempSync(join(tmpdir(), 'nightferry-bench-files-'))
const path = join(folder, 'data')

function makeFolder(): void {
  const count = Number(values.files)
  const sizeBytes = Math.floor((Number(values.mb) * 1024 * 1024) / count)
  for (let i = 0; i < count; i++) {
    const directory = join(path, `${i % 10}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `${i}`), randomBytes(sizeBytes))
  }
}

async function measure({ backUp, restore }: Program): Promise<Costs> {
  const timed = async (work: () => Promise<number | null>): Promise<Cost> => {
    const startedAt = performance.now()
    const bytes = await work()
    return { ms: Math.round(performance.now() - startedAt), bytes }
  }
  const first = await timed(backUp)
  const file = join(path, '0', '0')
  writeFileSync(file, Buffer.concat([randomBytes(64 * 1024), readFileSync(file)]))
  const changed = await timed(backUp)
  const none = await timed(backUp)
  const to = join(folder, 'back')
  const back = await timed(() => restore(to))
  rmSync(to, { recursive: true, force: true })
  return { first, 'one changed': changed, 'none changed': none, restore: back }
}

async function measureOurs(): Promise<Costs> {
  const server = await startServer()
  try {
    const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'agent'), 'bench')
    await agent.do('add', path, '--name', 'data')
    return await measure({
      backUp: async () => Number((await agent.do('backup')).bytesSent),
      restore: async (to) => Number((await agent.do('restore', '--database', 'data', '--to', to)).bytesReceived),
    })
  } finally {
    await server.stop()
  }
}

async function measureRestic(): Promise<Costs> {
  const repository = join(folder, 'repository')
  const environment = {
    RESTIC_PASSWORD: 'bench',
    RESTIC_CACHE_DIR: join(folder, 'cache'),
    RESTIC_REPOSITORY: repository,
  }
  const restic = (...args: string[]): void =>
    void execFileSync('restic', [...args, '--quiet'], { env: { ...process.env, ...environment } })
  restic('init')
  return await measure({
    backUp: async () => {
      const before = sizeOf(repository)
      restic('backup', path)
      return sizeOf(repository) - before
    },
    restore: async (to) => {
      restic('restore', 'latest', '--target', to)
      return null
    },
  })
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function format(results: Readonly<Record<string, Costs>>): string {
  const shown = ({ ms, bytes }: Cost): string => `${ms} ms${bytes === null ? '' : `, ${bytes} octets`}`
  const rows = Object.entries(results).map(([name, costs]) => [name, ...STEPS.map((step) => shown(costs[step]))])
  return [['', ...STEPS], ['---', ...STEPS.map(() => '---')], ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

try {
  makeFolder()
  const results: Record<string, Costs> = { nightferry: await measureOurs() }
  if (spawnSync('restic', ['version']).status === 0) results.restic = await measureRestic()
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : format(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
