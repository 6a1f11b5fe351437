/**
 * SyncEvolution as a SyncML client (Debian package `syncevolution`), headless with its file backend, and what the server
 * holds of an account, read from its copy. The scripts that run it lie in the folder beside the checkout.
 */

import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { ACCOUNT_DEVICE } from '../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../server/catalogue/sqlite/databases.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import { ITEMS_DATABASE } from '../../server/items/itemCopy.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import { type HeldItems, readFolder } from './heldItems.ts'
import { SERVER_PROGRAM } from './programs.ts'
import { interop } from './requireProgram.ts'
import { sharedDir } from './sharedDir.ts'
import { type StartServerOptions, startServer, type TestServer } from './startServer.ts'

const run = promisify(execFile)
/** Where the scripts lie. */
export const scripts = join(sharedDir ?? '', 'syncevo')

/** Longest time of one synchronization, seconds. */
const TIME_LIMIT_S = 120

export type SyncEvolutionMode =
  | 'slow'
  | 'two-way'
  | 'refresh-from-local'
  | 'refresh-from-remote'
  | 'one-way-from-local'
  | 'one-way-from-remote'

/** Why the tests are skipped, made for a title; empty if all they need is there. */
export function syncEvolutionMissing(): string {
  if (sharedDir === undefined) return '(skipped: no scripts beside the checkout)'
  const needed = [interop('syncevolution', 'syncevolution'), interop('cc', 'gcc'), interop('bash', 'bash')]
  return needed.find(({ available }) => !available)?.reason ?? ''
}

/** What one synchronization did, as the client counts it. */
export interface SyncResult {
  readonly exit: number
  readonly status: number
  /** The mode it ended in: `slow` if the server asked for that. */
  readonly mode: string
  /** Added, updated, removed on either side. */
  readonly local: readonly number[]
  readonly remote: readonly number[]
  readonly resumed: boolean
  readonly text: string
}

interface Login {
  readonly user: string
  readonly password: string
}

/** One account on a server, and its clients; `close` ends and removes all. */
export class SyncEvolutionLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'nightferry-syncevo-'))
  readonly server: TestServer
  readonly account: Login
  readonly accountId: string
  readonly #ownsServer: boolean

  private constructor(server: TestServer, account: Login, accountId: string, ownsServer: boolean) {
    this.server = server
    this.account = account
    this.accountId = accountId
    this.#ownsServer = ownsServer
  }

  /** With a server of its own. */
  static async open(options: StartServerOptions = {}): Promise<SyncEvolutionLab> {
    return SyncEvolutionLab.#on(await startServer(options), true)
  }

  /** As one more account on a server that somebody else ends. */
  static join(server: TestServer): Promise<SyncEvolutionLab> {
    return SyncEvolutionLab.#on(server, false)
  }

  static async #on(server: TestServer, ownsServer: boolean): Promise<SyncEvolutionLab> {
    const { user } = await server.createAccount()
    const login = operate(server, 'account', 'app-password', user) as Login
    const { accounts } = operate(server, 'account', 'list') as { accounts: { name: string; accountId: string }[] }
    const accountId = accounts.find(({ name }) => name === user)?.accountId ?? ''
    return new SyncEvolutionLab(server, login, accountId, ownsServer)
  }

  client(name: string, environment: Readonly<Record<string, string>> = {}): SyncEvolutionClient {
    return new SyncEvolutionClient(this, name, environment)
  }

  /** Runs an operator's command on the data folder of the running server. */
  command(...words: string[]): unknown {
    return operate(this.server, ...words)
  }

  /** What the account's copy holds in a table. */
  async serverItems(table: string): Promise<HeldItems> {
    const { keyRing } = openKeyRing({ dataDir: this.server.dataFolder })
    const catalogue = await openCatalogue(this.server.dataFolder, keyRing)
    try {
      const databases = sqlDatabases(catalogue)
      const { accountId } = this
      const row = await databases.get({ accountId, deviceId: ACCOUNT_DEVICE, name: ITEMS_DATABASE })
      if (row === undefined) return []
      const copyKey = keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))
      const path = join(this.server.dataFolder, 'copies', `${row.copyId}.db`)
      const db = openDatabase(path, { cipher: { kind: 'aegis', key: copyKey } })
      try {
        return db
          .prepare(`SELECT id, CAST(content AS BLOB) FROM ${table} ORDER BY id`)
          .all()
          .map(([id, content]) => ({ name: String(id), octets: content as Uint8Array }))
      } finally {
        db.close()
      }
    } finally {
      await catalogue.destroy()
    }
  }

  async close(): Promise<void> {
    if (this.#ownsServer) await this.server.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Runs an operator's command on the data folder of a server. */
export function operate(server: TestServer, ...words: string[]): unknown {
  const args = [SERVER_PROGRAM, ...words, '--data', server.dataFolder, '--json']
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** What the proxy does to which message, counted from 1. */
export interface Cut {
  readonly fault: string
  readonly at: number
}

/** One device: a folder of items and the client's state. */
export class SyncEvolutionClient {
  readonly #lab: SyncEvolutionLab
  readonly #name: string
  readonly #environment: Readonly<Record<string, string>>

  constructor(lab: SyncEvolutionLab, name: string, environment: Readonly<Record<string, string>>) {
    this.#lab = lab
    this.#name = name
    this.#environment = environment
    for (const kind of ['items', 'state', 'events']) mkdirSync(join(lab.folder, `${name}-${kind}`), { recursive: true })
  }

  get itemFolder(): string {
    return join(this.#lab.folder, `${this.#name}-items`)
  }

  get eventFolder(): string {
    return join(this.#lab.folder, `${this.#name}-events`)
  }

  /** Removes all contacts. */
  clear(): void {
    for (const { name } of this.items()) rmSync(join(this.itemFolder, name))
  }

  /** Runs the generator of contacts on this client's folder. */
  generate(...words: readonly (string | number)[]): void {
    generate(this.itemFolder, words)
  }

  generateEvents(...words: readonly (string | number)[]): void {
    generate(this.eventFolder, words)
  }

  get #stateFolder(): string {
    return join(this.#lab.folder, `${this.#name}-state`)
  }

  /** What the scripts are told of this client. */
  environment(): Readonly<Record<string, string | undefined>> {
    const { user, password } = this.#lab.account
    return {
      ...process.env,
      SYNC_URL: `${this.#lab.server.url}/omads`,
      SYNC_USER: user,
      SYNC_PASS: password,
      DATA_DIR: this.itemFolder,
      CLIENT_STATE: this.#stateFolder,
      DEVICE_ID: `lab-${this.#name}`,
      TIME_LIMIT: String(TIME_LIMIT_S),
      NOSLEEP: '1',
      ...this.#environment,
    }
  }

  /** One synchronization. @throws Error if the client could not be run at all. */
  async sync(mode: SyncEvolutionMode, environment: Readonly<Record<string, string>> = {}): Promise<SyncResult> {
    // Its logs: it keeps 20 and gives their names anew, so that the script would not find the latest.
    rmSync(join(this.#stateFolder, 'cache'), { recursive: true, force: true })
    const env = { ...this.environment(), SYNC_MODE: mode, ...environment }
    const ended = await run('bash', [join(scripts, 'client.sh')], { env, maxBuffer: 64 * 1024 * 1024 }).catch(
      (cause: { stdout?: string }) => cause,
    )
    return readResult(ended.stdout ?? String(ended))
  }

  /** One synchronization whose connection breaks at a message; whatever comes of it. */
  async cutSync(mode: SyncEvolutionMode, cut: Cut): Promise<SyncResult> {
    return (await this.proxiedSync(mode, cut)).result
  }

  /** Likewise, undisturbed without `cut`, and how many messages it sent. */
  async proxiedSync(mode: SyncEvolutionMode, cut?: Cut): Promise<{ result: SyncResult; messages: number }> {
    const port = await freePort()
    const [pidFile, summary] = ['pid', 'json'].map((end) => join(this.#lab.folder, `${this.#name}.${end}`))
    const fault = cut === undefined ? [] : ['--fault', cut.fault, '--at', cut.at, '--pidfile', pidFile]
    const words = ['--listen', port, '--to', this.#lab.server.url, '--summary', summary, ...fault].map(String)
    const proxy = spawn(process.execPath, [join(scripts, 'cut-proxy.mjs'), ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const exited = once(proxy, 'exit')
    try {
      await once(proxy.stderr, 'data')
      const result = await this.sync(mode, { SYNC_URL: `http://127.0.0.1:${port}/omads`, PIDFILE: `${pidFile}` })
      proxy.kill('SIGTERM')
      await exited
      const { messages } = JSON.parse(readFileSync(`${summary}`, 'utf8')) as { messages: number }
      return { result, messages }
    } finally {
      proxy.kill('SIGTERM')
      await exited
    }
  }

  items(): HeldItems {
    return readFolder(this.itemFolder)
  }

  events(): HeldItems {
    return readFolder(this.eventFolder)
  }
}

function generate(folder: string, words: readonly (string | number)[]): void {
  const [verb = 'make', ...rest] = words.map(String)
  execFileSync(process.execPath, [join(scripts, 'gen-vcards.mjs'), verb, folder, ...rest])
  for (const { name, octets } of readFolder(folder)) {
    const text = Buffer.from(octets).toString()
    const written = text.replaceAll(/^RRULE:(FREQ=\w+)(.*)$/gm, (_, frequency, rest: string) => {
      // On the wire the client replaces the number of recurrences by their end and names the interval: the same rule.
      const interval = rest.includes(';INTERVAL=') ? '' : ';INTERVAL=1'
      return `RRULE:${frequency}${interval}${rest.replace(/;COUNT=\d+/, '')}`
    })
    if (written !== text) writeFileSync(join(folder, name), written)
  }
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function readResult(text: string): SyncResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? -1)
  const counts = (side: string): number[] => {
    const match = new RegExp(`${side}=\\+(\\d+)~(\\d+)-(\\d+)`).exec(text)
    return (match ?? []).slice(1).map(Number)
  }
  return {
    exit: number(/RESULT exit=(\d+)/),
    status: number(/RESULT exit=\d+ status=(\d+)/),
    mode: / store=\w+ mode=(\S*)/.exec(text)?.[1] ?? '',
    local: counts('local'),
    remote: counts('remote'),
    resumed: / resume=true /.test(text),
    text,
  }
}
