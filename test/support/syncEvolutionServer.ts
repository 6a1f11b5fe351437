/**
 * SyncEvolution as a SyncML server (Debian package `syncevolution-http`), headless with its file backend: a server that
 * nobody of this project wrote. The scripts that run it lie in the folder beside the checkout.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { HeldItems } from './heldItems.ts'
import { interop } from './requireProgram.ts'
import { sharedDir } from './sharedDir.ts'

const scripts = join(sharedDir ?? '', 'syncevo')

/** Longest time until the server is there. */
const START_MS = 60_000

/** Why the tests are skipped, made for a title; empty if all they need is there. */
export function syncEvolutionServerMissing(): string {
  if (sharedDir === undefined) return '(skipped: no scripts beside the checkout)'
  const needed = [
    interop('syncevolution', 'syncevolution'),
    interop('syncevo-http-server', 'syncevolution-http'),
    // The server's script needs the library, which has no other sign on the search path.
    interop('twist3', 'python3-twisted'),
    interop('dbus-daemon', 'dbus'),
    interop('cc', 'gcc'),
    interop('bash', 'bash'),
  ]
  return needed.find(({ available }) => !available)?.reason ?? ''
}

export class SyncEvolutionServer {
  readonly url: string
  readonly #process: ChildProcess
  readonly #state: string

  private constructor(url: string, process: ChildProcess, state: string) {
    this.url = url
    this.#process = process
    this.#state = state
  }

  /** Starts it with an empty store; user alice, password secret; these device ids are let in. */
  static async start(
    devices: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<SyncEvolutionServer> {
    const state = mkdtempSync(join(tmpdir(), 'nightferry-peer-'))
    const env = {
      ...process.env,
      ...{ PEER_STATE: state, PEER_DEVICES: devices.join(' '), PEER_VERSION: 'REQUESTMAXTIME=0', NOSLEEP: '1' },
      ...environment,
    }
    const child = spawn('bash', [join(scripts, 'peer-server.sh'), String(await freePort())], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    const url = await readReady(child).catch((cause: unknown) => {
      child.kill('SIGTERM')
      rmSync(state, { recursive: true, force: true })
      throw new Error(`the SyncEvolution server did not start: ${errors}`, { cause })
    })
    return new SyncEvolutionServer(url, child, state)
  }

  get contactFolder(): string {
    return join(this.#state, 'store', 'addressbook')
  }

  contacts(): HeldItems {
    const names = readdirSync(this.contactFolder).sort()
    return names.map((name) => ({ name, octets: readFileSync(join(this.contactFolder, name)) }))
  }

  put(name: string, text: string): void {
    writeFileSync(join(this.contactFolder, name), text)
  }

  remove(name: string): void {
    rmSync(join(this.contactFolder, name))
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
    rmSync(this.#state, { recursive: true, force: true })
  }
}

async function readReady(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('it has no stdout')
  const signal = AbortSignal.timeout(START_MS)
  const lines = createInterface({ input: child.stdout })
  const [line] = (await Promise.race([
    once(lines, 'line', { signal }),
    once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`it ended with ${String(code)}`))),
  ])) as [string]
  const url = /^READY url=(\S+)/.exec(line)?.[1]
  if (url === undefined) throw new Error(`it said ${line}`)
  return url
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
