/**
 * Starts the server as an operator does: `nightferry serve` as a process of its own, on a free port of loopback and a
 * fresh data folder. Nothing of the server's code runs in the test's process. It does not rehearse: most tests need a
 * server for less time than that takes.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SERVER_PROGRAM } from './programs.ts'

/** How long a server may take to listen, and to end after SIGTERM. */
const START_MS = 30_000
const STOP_MS = 15_000

/** An account to log in with. */
export interface TestAccount {
  readonly user: string
  readonly password: string
}

/** A server that listens. */
export interface TestServer {
  readonly url: string
  readonly dataFolder: string
  /** Its process, for tests that kill it. */
  readonly process: ChildProcess
  /** What it wrote to stderr so far: its log. */
  log(): string
  /** Registers an account with a random name over HTTP. */
  createAccount(): Promise<TestAccount>
  /** Ends the process and waits for it; removes the data folder if `startServer` made it. Does no harm twice. */
  stop(): Promise<void>
}

export interface StartServerOptions {
  /** Starts on this folder and leaves it; by default a fresh one is made, and removed with `stop`. */
  readonly dataFolder?: string
  /** Another program of `nightferry` than `['serve']`, e.g. `['accounts', 'serve']`. */
  readonly command?: readonly string[]
  /** What runs the program, e.g. `['ip', 'netns', 'exec', 'there']`; by default nothing stands between. */
  readonly via?: readonly string[]
  /** The address at which the test reaches it, if that is not the one it prints. */
  readonly urlOf?: (listening: string) => string
  /** More arguments of `serve`, e.g. `['--registration', 'closed']`. */
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Starts a server and waits until it listens. Stop it in `afterAll` or `onTestFinished`; it ends with the test's
 * process at the latest.
 * @throws Error with the server's log if it does not start.
 */
export async function startServer(options: StartServerOptions = {}): Promise<TestServer> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'nightferry-server-'))
  const [first = process.execPath, ...between] = [...(options.via ?? []), process.execPath]
  const child = spawn(
    first,
    [
      ...between,
      SERVER_PROGRAM,
      ...(options.command ?? ['serve']),
      '--json',
      '--port',
      '0',
      '--data',
      dataFolder,
      ...(options.args ?? []),
    ],
    { env: { ...process.env, NIGHTFERRY_REHEARSE: 'off', ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const endWithTest = (): void => void child.kill('SIGTERM')
  process.once('exit', endWithTest)
  const ended = once(child, 'close')
  child.once('exit', () => process.off('exit', endWithTest))
  let log = ''
  child.stderr.on('data', (chunk: Uint8Array) => {
    log += Buffer.from(chunk).toString('utf8')
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const hurry = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(hurry)
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true })
  }
  try {
    const listening = await readListening(child)
    const url = options.urlOf?.(listening) ?? listening
    return { url, dataFolder, process: child, log: () => log, createAccount: () => createAccount(url), stop }
  } catch (cause) {
    await stop()
    throw new Error(`the server did not start; its log: ${log}`, { cause })
  }
}

/** The address from the one line `{"listening": URL}` on stdout. */
async function readListening(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server has no stdout')
  const lines = createInterface({ input: child.stdout })
  const signal = AbortSignal.timeout(START_MS)
  const [line] = (await Promise.race([
    once(lines, 'line', { signal }),
    once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
  ])) as [string]
  const { listening } = JSON.parse(line) as { listening?: string }
  if (listening === undefined) throw new Error(`it said ${line}`)
  return listening
}

async function createAccount(url: string): Promise<TestAccount> {
  const account = { user: `user-${randomBytes(4).toString('hex')}`, password: randomBytes(12).toString('base64url') }
  const response = await fetch(`${url}/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: account.user, password: account.password }),
  })
  if (!response.ok) throw new Error(`no account: status ${response.status}, ${await response.text()}`)
  return account
}
