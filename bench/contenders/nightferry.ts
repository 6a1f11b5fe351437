/** Ours: `nightferry serve` and `nightferry-device`, with a counting proxy between them. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type CountingProxy, openCountingProxy } from '../measure/countingProxy.ts'
import { processorSeconds, untilQuiet, watchMemory } from '../measure/processTree.ts'
import { type Cost, runProcess } from '../measure/runProcess.ts'
import type { Contender } from './contender.ts'
import { folderBytes } from './peers.ts'

const root = resolve(import.meta.dirname, '../..')
const serverProgram = join(root, 'server/cli/nightferry.mjs')
const agentProgram = join(root, 'device-client/node/nightferry-device.mjs')
const PASSWORD = 'a password of the bench'

export interface RunningServer {
  readonly process: ChildProcess
  readonly port: number
  stop(): Promise<void>
}

/** Starts `nightferry serve` on a free port with its data in `folder`. */
export async function startServer(folder: string, more: readonly string[] = []): Promise<RunningServer> {
  const args = ['serve', '--json', '--port', '0', '--data', folder, '--log-level', 'error', ...more]
  const child = spawn(process.execPath, [serverProgram, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const endWithBench = (): void => void child.kill('SIGTERM')
  process.once('exit', endWithBench)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { port } = new URL((JSON.parse(line) as { listening: string }).listening)
  return {
    process: child,
    port: Number(port),
    stop: async () => {
      process.off('exit', endWithBench)
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Registers an account over HTTP. */
export async function createAccount(port: number, name: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: PASSWORD }),
  })
  if (!response.ok) throw new Error(`no account: status ${response.status}`)
}

/** Who carries out a backup: a process of its own, or a resident agent (`watch`), asked by its socket or the command. */
export type NightferryWay = 'process' | 'socket' | 'command'

const NAMES: Readonly<Record<NightferryWay, string>> = {
  process: 'nightferry',
  socket: 'nightferry (resident)',
  command: 'nightferry (resident, command)',
}

const NOTES: Readonly<Record<NightferryWay, string>> = {
  process: 'encrypted; server with an encrypted, queryable copy',
  socket: 'the same, backups asked of a resident agent by its socket',
  command: 'the same, `nightferry-device backup` beside a resident agent',
}

class Nightferry implements Contender {
  readonly name: string
  readonly note: string
  readonly #path: string
  readonly #folder: string
  readonly #way: NightferryWay
  #server: RunningServer | undefined
  #proxy: CountingProxy | undefined
  #watch: ChildProcess | undefined

  constructor(path: string, folder: string, way: NightferryWay, what: { name?: string; note?: string }) {
    this.#path = path
    this.#folder = folder
    this.#way = way
    this.name = what.name ?? NAMES[way]
    this.note = what.note ?? NOTES[way]
  }

  get #home(): string {
    return join(this.#folder, 'home')
  }

  async reset(): Promise<void> {
    await this.close()
    mkdirSync(this.#folder, { recursive: true })
    this.#server = await startServer(join(this.#folder, 'data'))
    this.#proxy = await openCountingProxy(this.#server.port)
    await createAccount(this.#server.port, 'bench')
    const address = `http://127.0.0.1:${this.#proxy.port}`
    await this.#agent(['init', '--server', address, '--user', 'bench', '--device', 'bench'])
    await this.#agent(['add', this.#path, '--name', 'bench'])
    if (this.#way !== 'process') this.#watch = await startWatch(this.#home)
  }

  firstBackup(): Promise<Cost> {
    return this.#backup(true)
  }

  nightly(): Promise<Cost> {
    return this.#backup(false)
  }

  restore(path: string): Promise<Cost> {
    return this.#agent(['restore', '--database', 'bench', '--to', path])
  }

  storedBytes(): Promise<number> {
    return folderBytes(join(this.#folder, 'data'))
  }

  async close(): Promise<void> {
    if (this.#watch) await stopProcess(this.#watch)
    this.#watch = undefined
    this.#proxy?.close()
    await this.#server?.stop()
    this.#server = undefined
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #backup(full: boolean): Promise<Cost> {
    const mode = full ? 'full' : 'delta'
    if (this.#way === 'socket') return this.#measured(mode, () => askResident(this.#home, full))
    return this.#agent(full ? ['backup', '--full'] : ['backup'], mode)
  }

  #agent(args: readonly string[], mode?: string): Promise<Cost> {
    const command = [process.execPath, agentProgram, ...args, '--home', this.#home, '--json', '--quiet']
    return this.#measured(mode, async () => {
      const finished = await runProcess(command, { environment: { NIGHTFERRY_PASSWORD: PASSWORD } })
      return { ...finished, report: JSON.parse(finished.stdout) as { mode?: string } }
    })
  }

  /** Measures what `work` itself does not see: the server, the resident agent, the octets between them. */
  async #measured(mode: string | undefined, work: () => Promise<Asked>): Promise<Cost> {
    const server = this.#server?.process.pid ?? 0
    const resident = this.#watch?.pid
    const others = resident === undefined ? [server] : [server, resident]
    this.#proxy?.take()
    const cpuBefore = others.map(processorSeconds)
    const memory = watchMemory(server)
    const residentMemory = resident === undefined ? undefined : watchMemory(resident)
    const { wallMs, cpuMs, rssBytes, ramDiskBytes, report } = await work()
    // What the server does after its answer is part of what a night costs.
    await untilQuiet(server)
    const serverRssBytes = await memory.stop()
    const deviceRssBytes = rssBytes + ((await residentMemory?.stop()) ?? 0)
    if (mode !== undefined && report.mode !== mode) throw new Error(`the backup was ${report.mode}, not ${mode}`)
    const { up, down } = this.#proxy?.take() ?? { up: 0, down: 0 }
    const othersMs = others.reduce((sum, pid, i) => sum + (processorSeconds(pid) - (cpuBefore[i] ?? 0)) * 1000, 0)
    return {
      ...{ wallMs, cpuMs: cpuMs + othersMs, bytesUp: up, bytesDown: down },
      ...{ deviceRssBytes, serverRssBytes, ramDiskBytes: Math.max(ramDiskBytes, memory.ramDiskBytes()) },
    }
  }
}

interface Asked {
  readonly wallMs: number
  readonly cpuMs: number
  readonly rssBytes: number
  readonly ramDiskBytes: number
  readonly report: { readonly mode?: string }
}

async function startWatch(home: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [agentProgram, 'watch', '--home', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const endWithBench = (): void => void child.kill('SIGTERM')
  process.once('exit', endWithBench)
  child.once('exit', () => process.off('exit', endWithBench))
  for await (const line of createInterface({ input: child.stderr })) if (line.startsWith('watching')) break
  // Whatever it logs later must not fill the pipe.
  child.stderr.resume()
  return child
}

async function stopProcess(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null) await once(child, 'exit')
}

/** From the request to the last octet of the answer. */
async function askResident(home: string, full: boolean): Promise<Asked> {
  const startedAt = performance.now()
  const socket = connect(join(home, 'agent.sock'))
  socket.write(`${JSON.stringify({ nightferry: 1, command: 'backup', ...(full && { full }) })}\n`)
  let last = ''
  for await (const line of createInterface({ input: socket })) last = line
  const wallMs = performance.now() - startedAt
  const { json } = JSON.parse(last) as { json: { mode?: string } }
  return { wallMs, cpuMs: 0, rssBytes: 0, ramDiskBytes: 0, report: json }
}

export function openNightferry(
  path: string,
  folder: string,
  way: NightferryWay,
  what: { name?: string; note?: string } = {},
): Contender {
  return new Nightferry(path, folder, way, what)
}
