/**
 * A server as an operator runs it, an agent in this process, and one live database that both know; the server's copy can
 * be opened beside the server, to be changed behind its back.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type AgentRecords, createAgentRecords } from '../../device-client/agentRecords.ts'
import type { BackupReport, DeviceClient, VerifyReport } from '../../device-client/deviceClient.ts'
import { openHome } from '../../device-client/node/home.ts'
import { createStderrLog } from '../../device-client/node/log.ts'
import { openNodeClient } from '../../device-client/node/openNodeClient.ts'
import { toHex } from '../../schemas/hex.ts'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { openCopyToWrite } from '../../server/backup/openCopy.ts'
import { sqlDatabases } from '../../server/catalogue/sqlite/databases.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import type { KeyRing } from '../../server/keys/keyRing.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import type { SqlDatabase } from '../../server/sql/sqlDatabase.ts'
import { SERVER_PROGRAM } from './programs.ts'
import { startServer, type TestServer } from './startServer.ts'

/** How a command of the operator ended. */
export interface OperatorAnswer {
  readonly exitCode: number | null
  readonly report: Readonly<Record<string, unknown>>
}

export interface VerifyBench {
  readonly folder: string
  /** The live database. */
  readonly path: string
  readonly client: DeviceClient
  readonly records: AgentRecords
  server(): TestServer
  dataFolder(): string
  keyRing(): KeyRing
  /** Runs SQL as the application does. */
  app(sql: string): void
  backup(): Promise<BackupReport>
  /** The same by an agent that was just started: it heard nothing yet. */
  backupAnew(): Promise<BackupReport>
  verify(options?: { full?: boolean; repair?: boolean }): Promise<VerifyReport>
  /** Opens the server's copy and its row of the catalogue. */
  withCopy<T>(work: (copy: SqlDatabase) => T): Promise<T>
  /** Runs `nightferry` on the data folder, beside the server. */
  operator(): (...args: readonly string[]) => Promise<OperatorAnswer>
  /** Restores the copy beside the live database; the file's path. */
  restore(): Promise<string>
  /** Ends the server, and starts one on another data folder (the same by default) at the same address. */
  restart(dataFolder?: string): Promise<void>
  close(): Promise<void>
}

/** Starts both; `setup` makes the database. */
export async function openVerifyBench(setup: string, prepare?: (path: string) => void): Promise<VerifyBench> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-verify-'))
  const path = join(folder, 'app.db')
  const keyFile = join(folder, 'master.key')
  const args = ['--master-key-file', keyFile]
  let data = join(folder, 'data')
  mkdirSync(data)
  let server = await startServer({ dataFolder: data, args })
  const { port } = new URL(server.url)
  prepare?.(path)
  new Database(path).exec(setup).close()
  const home = openHome(join(folder, 'home'))
  const held = home.lock('work')
  const opened = openNodeClient(home, createStderrLog('silent'), '0')
  const { client } = opened
  const account = await server.createAccount()
  await client.init({ server: server.url, ...account, device: 'till' })
  await client.add({ path, name: 'app' })
  let restores = 0
  return {
    ...{ folder, path, client, records: createAgentRecords(home.keyStore) },
    dataFolder: () => data,
    keyRing: () => openKeyRing({ dataDir: data, masterKeyFile: keyFile }).keyRing,
    server: () => server,
    app: (sql) => {
      const db = new Database(path)
      db.exec(sql)
      db.close()
    },
    backup: () => client.backup('app'),
    backupAnew: async () => {
      const anew = openNodeClient(home, createStderrLog('silent'), '0')
      try {
        return await anew.client.backup('app')
      } finally {
        anew.close()
      }
    },
    verify: (options) => client.verify('app', options),
    withCopy: async (work) => {
      const { keyRing } = openKeyRing({ dataDir: data, masterKeyFile: keyFile })
      const catalogue = await openCatalogue(data, keyRing)
      try {
        const [copyId] = await sqlDatabases(catalogue).listCopyIds()
        const rows = await catalogue.selectFrom('database').selectAll().execute()
        const row = rows.find((found) => found.name === 'app')
        if (row === undefined || copyId === undefined) throw new Error('there is no copy')
        const key = toHex(keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId)))
        const copy = openCopyToWrite(join(data, 'copies', `${row.copyId}.db`), key, false)
        try {
          return work(copy)
        } finally {
          copy.close()
        }
      } finally {
        await catalogue.destroy()
      }
    },
    operator:
      () =>
      async (...args) => {
        const given = [SERVER_PROGRAM, ...args, '--json', '--data', data, '--master-key-file', keyFile]
        const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] })
        const chunks: Uint8Array[] = []
        child.stdout.on('data', (chunk: Uint8Array) => void chunks.push(chunk))
        const [exitCode] = (await once(child, 'close')) as [number | null]
        return { exitCode, report: JSON.parse(Buffer.concat(chunks).toString()) as OperatorAnswer['report'] }
      },
    restore: async () => {
      restores++
      const to = join(folder, `restored-${restores}.db`)
      await client.restore({ database: 'app', to })
      return to
    },
    restart: async (dataFolder = data) => {
      await server.stop()
      data = dataFolder
      server = await startServer({ dataFolder, args: [...args, '--port', port] })
    },
    close: async () => {
      opened.close()
      held.release()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
