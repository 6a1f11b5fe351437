/**
 * The server of a simulation: the real engine, copies, restores, catalogue, spool and key ring on real files; jobs run
 * in this process. It can be built anew over the same files at any moment, and its ports fail when chance says so.
 */

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { basicCredential, ha1, md5Digest } from '../../schemas/syncml/credential.ts'
import type { SyncmlCredentials } from '../../server/account/accountService.ts'
import { type BackupEvent, createCopies } from '../../server/backup/copies.ts'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { applyDeltaJob, importFileJob } from '../../server/backup/jobs.ts'
import { sqlClientDescriptions } from '../../server/catalogue/sqlite/clientDescriptions.ts'
import { sqlDatabases } from '../../server/catalogue/sqlite/databases.ts'
import { sqlHeldObjects } from '../../server/catalogue/sqlite/heldObjects.ts'
import { sqlNonceStore } from '../../server/catalogue/sqlite/nonceStore.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlRestores } from '../../server/catalogue/sqlite/restores.ts'
import { sqlSessionStore } from '../../server/catalogue/sqlite/sessionStore.ts'
import { createDatastoreRegistry } from '../../server/datastore/registry.ts'
import { openFileKeyRing } from '../../server/keys/fileKeyRing.ts'
import type { LoginVerifier } from '../../server/omads/authenticate.ts'
import { createOmads } from '../../server/omads/handleMessage.ts'
import { adoptPosition, buildImage, buildPlainImage, importImage } from '../../server/restore/buildImage.ts'
import { createFileImages } from '../../server/restore/fileImages.ts'
import { proveCopy } from '../../server/restore/proveCopy.ts'
import { createRestores } from '../../server/restore/restores.ts'
import { openSegmentMapSigner } from '../../server/restore/signSegmentMap.ts'
import { openFileSpool } from '../../server/storage/fileSpool.ts'
import { openFileStorage } from '../../server/storage/fileStorage.ts'
import { collectingLog, memoryOwnLogins, openDatastores } from '../support/omadsMemory.ts'
import { openTimeMachine } from '../support/openTimeMachine.ts'
import type { World } from './world.ts'

export const ACCOUNT = 'account-1'
export const DATABASE = 'app'
export const USER = 'alice'
export const SECRET = 'secret'

/** One in so many calls of a port fails while faults are on. */
const FAULT_RATE = 20

export interface SimServer {
  readonly omads: ReturnType<typeof createOmads>
  readonly restores: ReturnType<typeof createRestores>
  /** Devices that the account service refuses. */
  readonly disabled: Set<string>
  readonly backups: BackupEvent[]
  readonly errors: unknown[]
  /** Ports fail from time to time while this is true. */
  faults: boolean
  /** Ends this process and starts another on the same files. */
  restart(): Promise<void>
  /** Where the copy of a device's database lies. @throws Error if there is none. */
  copyOf(deviceId: string): Promise<{ path: string; key: Uint8Array; kind: 'sql' | 'file' }>
  close(): Promise<void>
}

export async function openSimServer(world: World, folder: string): Promise<SimServer> {
  const dataDir = join(folder, 'data')
  for (const name of ['copies', 'images', 'spool']) mkdirSync(join(dataDir, name), { recursive: true })
  const keyRing = openFileKeyRing(dataDir, randomBytes(32))
  const catalogue = await openCatalogue(dataDir, keyRing)
  const storage = openFileStorage(join(dataDir, 'storage'))
  const signer = await openSegmentMapSigner(storage, keyRing)
  const log = collectingLog()
  const disabled = new Set<string>()
  const backups: BackupEvent[] = []
  const now = (): number => world.now
  const copyPath = (id: string): string => join(dataDir, 'copies', `${id}.db`)
  const imagePath = (id: string): string => join(dataDir, 'images', `${id}.image`)

  /** Fails before the call or after it: what was done may be done all the same. */
  const shaky = async <T>(work: () => Promise<T>): Promise<T> => {
    const fate = server.faults ? world.chance.below(2 * FAULT_RATE) : -1
    if (fate === 0) {
      world.tally['disk failed before'] += 1
      throw failure('before')
    }
    const result = await work()
    if (fate === 1) {
      world.tally['disk failed after'] += 1
      throw failure('after')
    }
    return result
  }

  const build = () => {
    const databases = { ...sqlDatabases(catalogue) }
    const switching = databases.switchCopy
    databases.switchCopy = (row, from) => shaky(() => switching(row, from))
    const sessions = sqlSessionStore(catalogue)
    const nonces = sqlNonceStore(catalogue)
    const rows = sqlRestores(catalogue)
    const spool = openFileSpool(join(dataDir, 'spool'), keyRing)
    const timeMachine = openTimeMachine({ databases, catalogue, keyRing, copyPath, now }, shaky)
    const copies = createCopies({
      databases,
      keyRing,
      copyPath,
      now,
      past: timeMachine,
      jobs: {
        applyDelta: (input) => shaky(() => applyDeltaJob(input)),
        importFile: (input) => shaky(() => importFileJob(input, () => undefined)),
      },
      onBackup: (event) => void backups.push(event),
    })
    const images = createFileImages({
      keyRing,
      databases,
      copyPath,
      imagePath,
      jobs: { buildPlainImage: (input) => buildPlainImage(input) },
    })
    const omads = createOmads({
      sessions: { ...sessions, save: (record) => shaky(() => sessions.save(record)) },
      descriptions: sqlClientDescriptions(catalogue),
      heldObjects: sqlHeldObjects(catalogue),
      datastoreLogins: openDatastores(),
      ownLogins: memoryOwnLogins(),
      nonces: { ...nonces, accept: (...login) => shaky(() => nonces.accept(...login)) },
      verifier: verifierOf(disabled),
      registry: createDatastoreRegistry({ copies, spool, images }, { find: () => undefined, list: () => [] }),
      spool: { ...spool, append: (id, offset, bytes) => shaky(() => spool.append(id, offset, bytes)) },
      serverId: 'nightferry-simulated',
      log,
      challengeKey: keyRing.derive('syncml-challenge'),
      random: (length) => new Uint8Array(randomBytes(length)),
      clock: now,
    })
    const restores = createRestores({
      databases,
      restores: {
        ...rows,
        put: (row) => shaky(() => rows.put(row)),
        markCompleted: (id, at) => shaky(() => rows.markCompleted(id, at)),
      },
      keyRing,
      storage,
      signer,
      jobs: {
        buildImage: (input) => shaky(() => buildImage(input, storage)),
        importImage: (input) => shaky(() => importImage(input, storage)),
        adoptPosition: (input) => shaky(() => adoptPosition(input)),
        proveCopy: (input) => shaky(() => proveCopy(input)),
      },
      onDamage: (_, cause) => {
        throw cause
      },
      timeMachine,
      keepsPast: true,
      copyPath,
      imagePath,
      now,
      keepMs: 86_400_000,
    })
    return { omads, restores, images }
  }
  let parts = build()
  const server: SimServer = {
    faults: false,
    get omads() {
      return parts.omads
    },
    get restores() {
      return parts.restores
    },
    disabled,
    backups,
    errors: log.errors,
    async restart() {
      world.tally['server restarted'] += 1
      await parts.images.close()
      parts = build()
      await parts.omads.expireIdle()
      await parts.restores.sweep()
    },
    async copyOf(deviceId) {
      const row = await sqlDatabases(catalogue).get({ accountId: ACCOUNT, deviceId, name: DATABASE })
      if (row === undefined) throw new Error(`there is no copy of ${deviceId}`)
      const key = keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))
      return { path: copyPath(row.copyId), key, kind: row.kind }
    },
    async close() {
      await parts.images.close()
      await catalogue.destroy()
    },
  }
  return server
}

function failure(when: 'before' | 'after'): CodedError {
  return new CodedError('storage.unavailable', `a disk that fails ${when}`)
}

/** Accepts the one account's secret from any device that is not disabled; digests are really checked. */
function verifierOf(disabled: ReadonlySet<string>): LoginVerifier {
  return {
    async verify(credentials) {
      const { userName, deviceId } = credentials
      const nonce = matching(credentials)
      if (userName !== USER || nonce === undefined) return { kind: 'refused', status: 401 }
      if (disabled.has(deviceId)) return { kind: 'refused', status: 403 }
      return { kind: 'accepted', peer: { accountId: ACCOUNT, accountName: USER, deviceId }, nonce }
    },
  }
}

function matching({ scheme, nonces, data }: SyncmlCredentials): Uint8Array | undefined {
  const expected = (nonce: Uint8Array) =>
    scheme === 'basic' ? Buffer.from(basicCredential(USER, SECRET), 'base64') : md5Digest(ha1(USER, SECRET), nonce)
  const possible = scheme === 'basic' ? [new Uint8Array()] : nonces
  return possible.find((nonce) => Buffer.compare(expected(nonce), data) === 0)
}
