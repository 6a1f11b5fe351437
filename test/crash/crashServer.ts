/** Keeps a real server process alive on one data folder and one port: killed, it is started again and awaited. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startServer, type TestServer } from '../support/startServer.ts'
import { KILLER } from './crashAgent.ts'

const FIRST_PORT = 15_000
const FIRST_EPHEMERAL_PORT = 32_768
const PORT_TRIES = 50

/** By default a server with its accounts, and its data in the folder. */
export interface CrashServerOptions {
  readonly dataFolder?: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export interface CrashServer {
  readonly url: string
  readonly dataFolder: string
  readonly killFile: string
  /** How often it was started again. */
  readonly restarts: () => number
  /** Everything that all its lives logged. */
  log(): string
  /** Processes of the pool now. */
  workers(): readonly number[]
  kill(): void
  /** Resolves when it listens: at once, or after the start that follows a kill. @throws Error if it does not start. */
  ready(): Promise<TestServer>
  /** Ends it, lets `work` be done, and starts it again. @throws Error with the log if it does not start. */
  pause(work: () => void): Promise<void>
  stop(): Promise<void>
}

/** Starts it in `folder`, with its data in `dataFolder` if that is another place. */
export async function openCrashServer(folder: string, options: CrashServerOptions = {}): Promise<CrashServer> {
  const port = await freePort()
  const dataFolder = options.dataFolder ?? join(folder, 'server')
  const killFile = join(folder, 'kill')
  let current: Promise<TestServer>
  let pid = 0
  let log = ''
  let restarts = 0
  let stopping = false
  const start = async (): Promise<TestServer> => {
    const server = await startServer({
      dataFolder,
      ...(options.command && { command: options.command }),
      args: ['--port', String(port), ...(options.args ?? [])],
      environment: { NODE_OPTIONS: `--import=${KILLER}`, NIGHTFERRY_KILL_FILE: killFile, ...options.environment },
    })
    pid = server.process.pid ?? 0
    server.process.once('exit', () => {
      log += server.log()
      if (stopping) return
      restarts += 1
      current = start()
      current.catch(() => undefined)
    })
    return server
  }
  current = start()
  const first = await current
  return {
    url: first.url,
    dataFolder,
    killFile,
    restarts: () => restarts,
    log: () => log,
    workers: () => childrenOf(pid),
    kill: () => void process.kill(pid, 'SIGKILL'),
    ready: () => current,
    async pause(work) {
      stopping = true
      // One that did not start has nothing to end.
      await current.then((server) => server.stop()).catch(() => undefined)
      try {
        work()
      } finally {
        stopping = false
        current = start()
        await current
      }
    },
    async stop() {
      stopping = true
      await current.then((server) => server.stop()).catch(() => undefined)
    },
  }
}

/** Orders a kill at a step; `cancel` takes it back and tells whether it had happened. */
export function orderKill(
  killFile: string,
  step: string,
  count: number,
  victim: 'self' | 'parent',
): { happened(): boolean; cancel(): boolean } {
  writeFileSync(killFile, `${step} ${count} ${victim} ${Math.random()}`)
  const happened = (): boolean => !existsSync(killFile)
  return {
    happened,
    cancel: () => {
      const gone = happened()
      rmSync(killFile, { force: true })
      return gone
    },
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** A free port that no outgoing connection is given while the server is down. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_TRIES; attempt++) {
    const port = randomInt(FIRST_PORT, FIRST_EPHEMERAL_PORT)
    const probe = createServer().listen(port, '127.0.0.1')
    try {
      await once(probe, 'listening')
      return port
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'EADDRINUSE') throw cause
    } finally {
      probe.close()
    }
  }
  throw new Error('no free port')
}
