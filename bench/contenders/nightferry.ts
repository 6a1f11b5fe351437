/** Ours: `nightferry serve` and `nightferry-device` as whole processes, with a counting proxy between them. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type CountingProxy, openCountingProxy } from '../measure/countingProxy.ts'
import { processorSeconds, watchMemory } from '../measure/processTree.ts'
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
export async function startServer(folder: string): Promise<RunningServer> {
  const args = ['serve', '--json', '--port', '0', '--data', folder, '--log-level', 'error']
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

class Nightferry implements Contender {
  readonly name = 'nightferry'
  readonly note = 'encrypted; server with an encrypted, queryable copy'
  readonly #path: string
  readonly #folder: string
  #server: RunningServer | undefined
  #proxy: CountingProxy | undefined

  constructor(path: string, folder: string) {
    this.#path = path
    this.#folder = folder
  }

  async reset(): Promise<void> {
    await this.close()
    mkdirSync(this.#folder, { recursive: true })
    this.#server = await startServer(join(this.#folder, 'data'))
    this.#proxy = await openCountingProxy(this.#server.port)
    await createAccount(this.#server.port, 'bench')
    await this.#agent([
      'init',
      '--server',
      `http://127.0.0.1:${this.#proxy.port}`,
      '--user',
      'bench',
      '--device',
      'bench',
    ])
    await this.#agent(['add', this.#path, '--name', 'bench'])
  }

  firstBackup(): Promise<Cost> {
    return this.#agent(['backup', '--full'], 'full')
  }

  nightly(): Promise<Cost> {
    return this.#agent(['backup'], 'delta')
  }

  restore(path: string): Promise<Cost> {
    return this.#agent(['restore', '--database', 'bench', '--to', path])
  }

  storedBytes(): Promise<number> {
    return folderBytes(join(this.#folder, 'data'))
  }

  async close(): Promise<void> {
    this.#proxy?.close()
    await this.#server?.stop()
    this.#server = undefined
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #agent(args: readonly string[], mode?: string): Promise<Cost> {
    const pid = this.#server?.process.pid ?? 0
    const home = join(this.#folder, 'home')
    this.#proxy?.take()
    const cpuBefore = processorSeconds(pid)
    const memory = watchMemory(pid)
    const command = [process.execPath, agentProgram, ...args, '--home', home, '--json', '--quiet']
    const { stdout, wallMs, cpuMs, rssBytes } = await runProcess(command, {
      environment: { NIGHTFERRY_PASSWORD: PASSWORD },
    })
    const serverRssBytes = await memory.stop()
    const report = JSON.parse(stdout) as { mode?: string }
    if (mode !== undefined && report.mode !== mode) throw new Error(`the backup was ${report.mode}, not ${mode}`)
    const { up, down } = this.#proxy?.take() ?? { up: 0, down: 0 }
    const serverMs = (processorSeconds(pid) - cpuBefore) * 1000
    return { wallMs, cpuMs: cpuMs + serverMs, bytesUp: up, bytesDown: down, deviceRssBytes: rssBytes, serverRssBytes }
  }
}

export function openNightferry(path: string, folder: string): Contender {
  return new Nightferry(path, folder)
}
