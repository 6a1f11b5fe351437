/**
 * A page in headless Chromium backs up its sql.js database to the real server, sends Deltas, and another profile
 * restores it and goes on. The page holds the device client's portable build and nothing of Node.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canonicalDump } from '../support/canonicalDump.ts'
import type { PageApp } from '../support/pageApp.ts'
import { bundlePage, type PageServer, servePage } from '../support/pageBundle.ts'
import { interop } from '../support/requireProgram.ts'
import { shellDump } from '../support/shellDump.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const root = resolve(import.meta.dirname, '../..')
const pageFolder = join(root, 'test/browser/page')
const sqlJsFolder = join(root, 'node_modules/sql.js/dist')
const CHROMIUM = '/usr/bin/chromium'
const ARGUMENTS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const browser = interop(CHROMIUM, 'chromium')
const shell = interop('sqlite3', 'sqlite3')

let folder: string
let pages: PageServer
let server: TestServer
const profiles: BrowserContext[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-browser-'))
})

afterAll(async () => {
  for (const profile of profiles) await profile.close()
  await pages?.close()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A page in a profile of its own; what goes wrong in it fails the test. */
async function openProfile(name: string): Promise<Page> {
  const profile = await chromium.launchPersistentContext(join(folder, name), {
    executablePath: CHROMIUM,
    headless: true,
    args: [...ARGUMENTS, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  })
  profiles.push(profile)
  const page = await profile.newPage()
  await page.goto(`${pages.origin}/`)
  return page
}

/** Calls one function of the page's application. */
function call<Name extends keyof PageApp>(
  page: Page,
  name: Name,
  ...given: Parameters<PageApp[Name]>
): Promise<Awaited<ReturnType<PageApp[Name]>>> {
  return page.evaluate(
    async ([method, values]) => {
      const app = (await Reflect.get(globalThis, 'app')) as Record<string, (...all: unknown[]) => unknown>
      return app[method]?.(...values)
    },
    [name, given] as [string, unknown[]],
  ) as Promise<Awaited<ReturnType<PageApp[Name]>>>
}

async function saveAs(name: string, base64: Promise<string>): Promise<string> {
  const path = join(folder, name)
  writeFileSync(path, Buffer.from(await base64, 'base64'))
  return path
}

const BASE = `
  PRAGMA user_version=11;
  CREATE TABLE note(id INTEGER PRIMARY KEY, title TEXT UNIQUE, body, at REAL);
  CREATE TABLE tag(name TEXT COLLATE NOCASE PRIMARY KEY, n INT) WITHOUT ROWID;
  CREATE TABLE loose(a, b);
  CREATE INDEX note_at ON note(at) WHERE body IS NOT NULL;
  CREATE VIEW recent AS SELECT title FROM note ORDER BY at DESC;
  CREATE TRIGGER tagged AFTER INSERT ON note BEGIN INSERT OR IGNORE INTO tag(name, n) VALUES ('t' || new.id % 7, 0); END;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO note SELECT i, 'note ' || i, randomblob(60), i / 8.0 FROM n;
  INSERT INTO note(body) VALUES (9007199254740993), (1), (1.0), ('a' || char(0) || 'b'), (x''), (NULL), (-0.0), (9e999),
    (CAST(x'ff41c0' AS TEXT)), ('größe 😀');
  INSERT INTO loose VALUES (1, 2), (3, 4)`

const NIGHT = `
  UPDATE note SET body = 9223372036854775807 WHERE id = 5;
  INSERT OR REPLACE INTO note(id, title, body) VALUES (3000, 'note 10', 1.0);
  UPDATE note SET title = 'swap' WHERE id = 20; UPDATE note SET title = 'note 20' WHERE id = 21;
  UPDATE note SET title = 'note 21' WHERE id = 20;
  DELETE FROM note WHERE id BETWEEN 100 AND 149;
  ALTER TABLE tag ADD COLUMN colour TEXT DEFAULT 'red';
  CREATE TABLE more(k TEXT PRIMARY KEY, v); INSERT INTO more VALUES (NULL, 1), ('x', x'00ff');
  DELETE FROM loose WHERE a = 1`

describe.skipIf(!browser.available || !shell.available)(`pages ${browser.reason} ${shell.reason}`, () => {
  beforeAll(async () => {
    await bundlePage(join(pageFolder, 'page.ts'), folder)
    pages = await servePage({
      '/': join(pageFolder, 'index.html'),
      '/page.js': join(folder, 'page.js'),
      '/sql-wasm-browser.js': join(sqlJsFolder, 'sql-wasm-browser.js'),
      '/sql-wasm-browser.wasm': join(sqlJsFolder, 'sql-wasm-browser.wasm'),
    })
    server = await startServer({ args: ['--cors-origins', pages.origin] })
  })

  it('[DC-20] the portable build has no module of Node; one that has some does not build', async () => {
    const { code, imports } = await bundlePage(join(pageFolder, 'page.ts'), folder)
    expect(imports).toEqual([])
    expect(code.includes('__vite-browser-external')).toBe(false)
    expect(code.includes('indexedDB.open')).toBe(true)
    await expect(bundlePage(join(root, 'device-client/node/openNodeClient.ts'), join(folder, 'not'))).rejects.toThrow(
      /imports node:/,
    )
  })

  it('[DC-7] [DC-11] [BK-4] [RS-5] [RS-7] backs up, sends Deltas, and comes back in another profile', async () => {
    const account = await server.createAccount()
    const first = await openProfile('first')
    await call(first, 'init', server.url, account.user, account.password, 'laptop')
    await call(first, 'run', BASE)
    await call(first, 'add')
    expect(await call(first, 'backup')).toMatchObject({ mode: 'full' })
    await call(first, 'run', NIGHT)
    const delta = await call(first, 'backup')
    expect(delta).toMatchObject({ mode: 'delta' })
    expect(delta.exchanges).toBeLessThanOrEqual(2)
    expect(delta.bytesSent).toBeLessThan(20_000)
    expect(await call(first, 'backup')).toMatchObject({ mode: 'none' })

    await first.reload()
    expect(await call(first, 'backup')).toMatchObject({ mode: 'none' })
    await call(first, 'run', "DELETE FROM loose; INSERT INTO note(title) VALUES ('after the reload')")
    expect(await call(first, 'backup')).toMatchObject({ mode: 'delta' })
    const original = await saveAs('original.db', call(first, 'exportDatabase'))

    const second = await openProfile('second')
    await call(second, 'init', server.url, account.user, account.password, 'replacement')
    await call(second, 'restore', 'laptop', account.password)
    const file = await saveAs('file.db', call(second, 'restoredFile'))
    const adopted = await saveAs('adopted.db', call(second, 'exportDatabase'))
    for (const restored of [file, adopted]) {
      expect(canonicalDump(restored)).toBe(canonicalDump(original))
      expect(shellDump(restored)).toBe(shellDump(original))
    }

    expect(await call(second, 'backup')).toMatchObject({ mode: 'none' })
    await call(second, 'run', "UPDATE note SET body = 'from the replacement' WHERE id = 1")
    expect(await call(second, 'backup')).toMatchObject({ mode: 'delta', puts: 1, deletes: 0 })
    await call(first, 'restore', 'replacement', account.password)
    const back = await saveAs('back.db', call(first, 'restoredFile'))
    const changed = await saveAs('changed.db', call(second, 'exportDatabase'))
    expect(canonicalDump(back)).toBe(canonicalDump(changed))
    expect(canonicalDump(back)).not.toBe(canonicalDump(original))
  })

  it('a page of another origin gets no answer', async () => {
    const strange = await servePage({ '/': join(pageFolder, 'index.html') })
    const [profile] = profiles
    const page = await profile?.newPage()
    await page?.goto(`${strange.origin}/`)
    const answer = await page?.evaluate(
      (url) =>
        fetch(url)
          .then((reply) => reply.status)
          .catch(() => 'refused'),
      `${server.url}/accounts/jwks.json`,
    )
    expect(answer).toBe('refused')
    await strange.close()
  })
})
