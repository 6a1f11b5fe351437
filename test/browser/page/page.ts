/**
 * An application in a page: one sql.js database, stored in IndexedDB, and the device client. The test drives it by
 * the functions of the global `app`; octets travel as base64.
 */

import type { Database, SqlJsStatic } from 'sql.js'
import { createIndexedDbKeyStore, exportDatabase, openBrowserClient } from '../../../device-client/browser/index.ts'
import type { PageApp } from '../../support/pageApp.ts'

/** The page's globals: what the script of sql.js defines, and what the test finds. */
interface PageGlobals {
  initSqlJs(config: { locateFile(file: string): string }): Promise<SqlJsStatic>
  app: Promise<PageApp>
}
const globals = globalThis as unknown as PageGlobals

const PATH = 'app.db'

globals.app = openApp()

async function openApp(): Promise<PageApp> {
  const sqlJs = await globals.initSqlJs({ locateFile: (file) => `/${file}` })
  const files = createIndexedDbKeyStore('application')
  const databases = new Map<string, Database>()
  const stored = await files.get(PATH)
  if (stored !== undefined) databases.set(PATH, new sqlJs.Database(stored))
  const { client } = await openBrowserClient({
    sqlJs,
    databases,
    keyStore: createIndexedDbKeyStore(),
    version: 'test',
    onRestored: (restored) => files.set('restored', restored.octets),
  })
  const held = (): Database => {
    const database = databases.get(PATH) ?? new sqlJs.Database()
    databases.set(PATH, database)
    return database
  }
  const store = (): Promise<void> => files.set(PATH, exportDatabase(held()))
  return {
    init: async (server, user, password, device) => void (await client.init({ server, user, password, device })),
    run: async (sql) => {
      held().exec(sql)
      await store()
    },
    add: async () => {
      await client.add({ path: PATH, name: 'app' })
      await store()
    },
    backup: async () => {
      const report = await client.backup('app')
      await store()
      return report
    },
    restore: async (fromDevice, password) => {
      const report = await client.restore({ database: 'app', to: PATH, fromDevice, password })
      await store()
      return report
    },
    exportDatabase: async () => encodeBase64(exportDatabase(held())),
    restoredFile: async () => encodeBase64((await files.get('restored')) ?? new Uint8Array()),
  }
}

function encodeBase64(octets: Uint8Array): string {
  let text = ''
  for (let at = 0; at < octets.length; at += 0x8000) text += String.fromCharCode(...octets.subarray(at, at + 0x8000))
  return btoa(text)
}
