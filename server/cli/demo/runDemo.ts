/**
 * The demo: a device backs a real database up to a running server, changes it, sends the Delta; a replacement restores
 * it; both files are compared independently. Every step goes the way of a user: REST and the agent's command line.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatBytes, formatTable } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { calls } from '../../../schemas/http/api.ts'
import { type Agent, createAgent } from './agentProcess.ts'
import { compareDatabases } from './compareDatabases.ts'
import { changeDemoDatabase, createDemoDatabase } from './demoDatabase.ts'

/** One line of the demo's table. */
export interface DemoStep {
  readonly step: string
  readonly mode: string
  readonly rows: number | null
  readonly bytesSent: number | null
  readonly bytesReceived: number | null
  readonly durationMs: number
}

export interface DemoReport {
  /** True only if the restored file equals the original. */
  readonly equal: boolean
  readonly comparedBy: readonly string[]
  readonly steps: readonly DemoStep[]
}

type Report = Readonly<Record<string, unknown>>

/** Runs the demo against the server at `url`; `progress` hears of each step. Its files are removed at the end. */
export async function runDemo(url: string, progress: (step: string) => void): Promise<DemoReport> {
  const directory = mkdtempSync(join(tmpdir(), 'nightferry-demo-'))
  try {
    return await runSteps(url, directory, progress)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function runSteps(url: string, directory: string, progress: (step: string) => void): Promise<DemoReport> {
  const steps: DemoStep[] = []
  const take = async <T>(step: string, work: () => Promise<T> | T, describe: (result: T) => Partial<DemoStep>) => {
    progress(step)
    const startedAt = performance.now()
    const result = await work()
    const durationMs = Math.round(performance.now() - startedAt)
    steps.push({ step, mode: '', rows: null, bytesSent: null, bytesReceived: null, durationMs, ...describe(result) })
    return result
  }
  const backup = (step: string, agent: Agent, expected: string) =>
    take(
      step,
      () => agent.run('backup', '--database', 'shop'),
      (report) => describeBackup(report, expected),
    )

  const user = `demo-${randomBytes(4).toString('hex')}`
  const password = randomBytes(12).toString('base64url')
  const original = join(directory, 'shop.db')
  const restored = join(directory, 'replacement.db')
  const first = createAgent(join(directory, 'first'), password)
  const second = createAgent(join(directory, 'second'), password)
  const init = (agent: Agent, device: string) => agent.run('init', '--server', url, '--user', user, '--device', device)
  const nothing = () => ({})

  await take('register an account', () => registerAccount(url, user, password), nothing)
  await take('register a device', () => init(first, 'till-1'), nothing)
  await take(
    'create a database',
    () => createDemoDatabase(original),
    (rows) => ({ rows }),
  )
  await take('observe it', () => first.run('add', original, '--name', 'shop'), nothing)
  await backup('first backup', first, 'full')
  await take('change it', () => changeDemoDatabase(original), nothing)
  await backup('second backup', first, 'delta')
  await backup('third backup', first, 'none')
  await take('register a replacement', () => init(second, 'till-2'), nothing)
  const restore = ['restore', '--database', 'shop', '--from-device', 'till-1', '--to', restored]
  await take(
    'restore onto it',
    () => second.run(...restore),
    (report) => ({
      bytesReceived: Number(report.bytesReceived),
    }),
  )
  const comparison = await take(
    'compare the files',
    () => compareRestored(original, restored),
    (found) => ({
      rows: found.rows,
      mode: found.equal ? 'equal' : 'DIFFERENT',
    }),
  )
  return { equal: comparison.equal, comparedBy: comparison.ways, steps }
}

/** The table of the steps for people. */
export function formatDemo(report: DemoReport): string {
  const bytes = (count: number | null) => (count === null ? '' : formatBytes(count))
  const rows = report.steps.map((step) => [
    step.step,
    step.mode,
    step.rows === null ? '' : String(step.rows),
    bytes(step.bytesSent),
    bytes(step.bytesReceived),
    String(step.durationMs),
  ])
  const verdict = report.equal ? 'The restored file equals the original' : 'THE RESTORED FILE DIFFERS FROM THE ORIGINAL'
  return `${formatTable(['STEP', 'MODE', 'ROWS', 'SENT', 'RECEIVED', 'MS'], rows)}${verdict} (by ${report.comparedBy.join(' and ')}).\n`
}

function describeBackup(report: Report, expected: string): Partial<DemoStep> {
  if (report.mode !== expected) {
    throw new CodedError('integrity.mismatch', `the backup was ${String(report.mode)}, expected ${expected}`)
  }
  return {
    mode: expected,
    rows: Number(report.puts) + Number(report.deletes),
    bytesSent: Number(report.bytesSent),
    bytesReceived: Number(report.bytesReceived),
  }
}

function compareRestored(original: string, restored: string) {
  if (!existsSync(restored)) throw new CodedError('integrity.mismatch', 'the restored file is not there')
  return compareDatabases(original, restored)
}

async function registerAccount(url: string, name: string, password: string): Promise<void> {
  let response: Response
  try {
    response = await fetch(`${url}${calls.register.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, password }),
    })
  } catch (cause) {
    throw new CodedError('network.unreachable', `${url} does not answer`, {
      cause,
      next: 'Start the server with "nightferry serve", or name it with --server.',
    })
  }
  if (response.status === calls.register.status) return
  throw new CodedError('auth.forbidden', `the server does not register the demo's account (${response.status})`, {
    next: 'The demo needs a server with registration "open".',
  })
}
