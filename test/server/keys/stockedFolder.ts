/** A data folder that holds one of everything that needs a master key, and readers of each. */

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createServerPasswords } from '../../../server/account/serverPasswords.ts'
import { openSigningKeys } from '../../../server/account/signingKeys.ts'
import { openAccountStore } from '../../../server/account/sqlite/openAccountStore.ts'
import { assembleServer } from '../../../server/assemble.ts'
import { contentKeyContext, copyKeyContext } from '../../../server/backup/copyKey.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlOwnLogins } from '../../../server/catalogue/sqlite/ownLogins.ts'
import { sqlPastCopies } from '../../../server/catalogue/sqlite/pastCopies.ts'
import { sqlRestores } from '../../../server/catalogue/sqlite/restores.ts'
import type { OpenedServer } from '../../../server/cli/openedServer.ts'
import { readConfig } from '../../../server/config/config.ts'
import type { Secrets } from '../../../server/config/secrets.ts'
import type { KeyRing } from '../../../server/keys/keyRing.ts'
import { openSegmentMapSigner } from '../../../server/restore/signSegmentMap.ts'
import { openFileSpool } from '../../../server/storage/fileSpool.ts'
import { openFileStorage } from '../../../server/storage/fileStorage.ts'
import { createTraceFiles } from '../../../server/trace/traceFiles.ts'

export const OWNER = { accountId: 'a_1', deviceId: 'nf-1' }
const POSITION = { lineage: 'a'.repeat(32), number: 3, token: 'b'.repeat(32), sizeBytes: 10 }
const PASSWORD = 'what the server says'
const SPOOLED = Buffer.from('octets that arrived')

/** One kind of object: its text or octets, as the ring opens it. */
export type Opener = (keyRing: KeyRing) => Promise<string>

export interface StockedFolder {
  readonly folder: string
  /** By kind. Each throws what its reader throws. */
  readonly openers: Readonly<Record<string, Opener>>
  /** A server of this process on the folder; whoever opens it closes it. */
  server(environment?: Readonly<Record<string, string>>, secrets?: Secrets): Promise<OpenedServer>
}

/** Makes and fills a folder; `open` gives its key ring. */
export async function stockFolder(folder: string, open: (folder: string) => Promise<KeyRing>): Promise<StockedFolder> {
  mkdirSync(folder)
  for (const name of ['copies', 'images', 'spool', 'storage', 'traces']) mkdirSync(join(folder, name))
  const keyRing = await open(folder)
  const keys = { copy: randomBytes(32), past: randomBytes(32), content: randomBytes(32) }
  await withCatalogue(folder, keyRing, async (db) => {
    const row = { ...OWNER, name: 'till', kind: 'sql', ...POSITION, lastBackupAt: 1, lastMode: 'full' } as const
    const wrappedKey = keyRing.wrap(keys.copy, copyKeyContext('copy-1'))
    await sqlDatabases(db).put({ ...row, copyId: 'copy-1', wrappedKey, createdAt: 1 })
    await sqlPastCopies(db).put({
      ...{ ...OWNER, name: 'till', kind: 'sql', ...POSITION, copyId: 'copy-0', takenAt: 1, endedAt: 2 },
      wrappedKey: keyRing.wrap(keys.past, copyKeyContext('copy-0')),
    })
    await sqlRestores(db).put({
      ...{ id: 'r-1', ...OWNER, sourceDeviceId: 'nf-1', database: 'till', imageId: 'i-1', ...POSITION },
      ...{ segmentMap: 'a.b.c', sourceCopyId: 'copy-1', segments: 1, sealedBytes: 10 },
      ...{ createdAt: 1, expiresAt: Date.now() + 3_600_000 },
      wrappedContentKey: keyRing.wrap(keys.content, contentKeyContext('i-1')),
    })
    await passwordsIn(db, keyRing).set(OWNER, PASSWORD)
  })
  const accounts = await openAccountStore(folder, keyRing)
  const { kid } = await openSigningKeys(accounts.signingKeys, keyRing).current(Date.now())
  await accounts.close()
  const { publicKey } = await openSegmentMapSigner(openFileStorage(join(folder, 'storage')), keyRing)
  return {
    folder,
    openers: {
      copies: (ring) =>
        withCatalogue(folder, ring, async (db) => {
          const row = await sqlDatabases(db).get({ ...OWNER, name: 'till' })
          return same(ring.unwrap(row?.wrappedKey ?? '', copyKeyContext('copy-1')), keys.copy)
        }),
      'past copies': (ring) =>
        withCatalogue(folder, ring, async (db) => {
          const [row] = await sqlPastCopies(db).list({ ...OWNER, name: 'till' })
          return same(ring.unwrap(row?.wrappedKey ?? '', copyKeyContext('copy-0')), keys.past)
        }),
      restores: (ring) =>
        withCatalogue(folder, ring, async (db) => {
          const row = await sqlRestores(db).get('r-1')
          return same(ring.unwrap(row?.wrappedContentKey ?? '', contentKeyContext('i-1')), keys.content)
        }),
      'server passwords': (ring) =>
        withCatalogue(folder, ring, async (db) => same((await passwordsIn(db, ring).find(OWNER))?.password, PASSWORD)),
      'signing keys': async (ring) => {
        const store = await openAccountStore(folder, ring)
        return openSigningKeys(store.signingKeys, ring)
          .current(Date.now())
          .then((current) => same(current.kid, kid))
          .finally(() => store.close())
      },
      'segment map key': async (ring) =>
        same((await openSegmentMapSigner(openFileStorage(join(folder, 'storage')), ring)).publicKey.kid, publicKey.kid),
    },
    server: (environment = {}, secrets = {}) =>
      assembleServer(
        readConfig({
          NIGHTFERRY_DATA: folder,
          NIGHTFERRY_PORT: '0',
          NIGHTFERRY_REHEARSE: 'off',
          NIGHTFERRY_LOG_LEVEL: 'silent',
          ...environment,
        }),
        secrets,
      ),
  }
}

/** Adds what has no key of its own: an arriving object and a traced message. */
export async function addPassing(folder: string, keyRing: KeyRing): Promise<Readonly<Record<string, Opener>>> {
  const message = { at: 1, direction: 'received', sessionId: '1', msgId: 1, encoding: 'xml' } as const
  const noted = { ...message, remoteAddress: '', sizeBytes: 1, xml: '<SyncML/>', cut: false }
  const traces = openFileStorage(join(folder, 'traces'))
  await openFileSpool(join(folder, 'spool'), keyRing).append('s-1', 0, SPOOLED)
  await createTraceFiles(traces, keyRing).add(OWNER, noted)
  return {
    'arriving objects': async (ring) => {
      const read: Uint8Array[] = []
      for await (const piece of openFileSpool(join(folder, 'spool'), ring).read('s-1')) read.push(piece)
      return same(Buffer.concat(read), SPOOLED)
    },
    'traced messages': async (ring) => {
      const [found] = await createTraceFiles(traces, ring).list(OWNER, 0)
      return same(found?.xml, noted.xml)
    },
  }
}

/** Runs `work` on the catalogue and closes it. */
export async function withCatalogue<T>(
  folder: string,
  keyRing: KeyRing,
  work: (db: CatalogueDb) => Promise<T>,
): Promise<T> {
  const db = await openCatalogue(folder, keyRing)
  return await work(db).finally(() => db.destroy())
}

function passwordsIn(db: CatalogueDb, keyRing: KeyRing) {
  const accountService = {
    listDevices: async () => [{ deviceId: 'nf-1', name: 'till', createdAt: 1, disabled: false }],
  }
  return createServerPasswords({ store: sqlOwnLogins(db), keyRing, accountService })
}

function same(found: Uint8Array | string | undefined, wanted: Uint8Array | string): string {
  const text = (value: Uint8Array | string | undefined) =>
    typeof value === 'string' ? value : Buffer.from(value ?? []).toString('hex')
  return text(found) === text(wanted) ? 'same' : `another: ${text(found)}`
}
