/**
 * Makes a backup of the whole server while it runs, in a process beside it (SB-1 to SB-4).
 */

import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { copyKeyContext } from '../backup/copyKey.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { CopiedFile, FileCopier } from '../sql/fileCopier.ts'
import { holdSqliteFile } from '../sql/holdSqliteFile.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'
import { makeFolder } from './makeFolder.ts'
import { type ListedFile, MANIFEST_FILE, writeManifest } from './manifest.ts'

/** How often the catalogue is taken anew because copies were replaced meanwhile. */
const MOST_ROUNDS = 5
/** Objects that are written once and never changed. */
const OBJECT_FOLDERS = ['images', 'storage'] as const
const UNFINISHED = /~|\.building/

export interface ServerBackupInput {
  readonly dataFolder: string
  readonly keyRing: KeyRing
  /** The folder to make; it may be there if it is empty. */
  readonly target: string
  readonly now: () => number
  /** Told after each file. */
  onProgress?(files: number, sizeBytes: number): void
}

export interface ServerBackupResult {
  readonly files: number
  readonly sizeBytes: number
  readonly databases: number
  /** Copies that do not open: they are in the backup as they are, and their devices have to send them again. */
  readonly damaged: readonly string[]
}

/** @throws {CodedError} `config.invalid`, `storage.*`, `key.wrong`, `session.busy`; nothing is at `target` then. */
export async function backupServer(input: ServerBackupInput): Promise<ServerBackupResult> {
  const { dataFolder, keyRing, target } = input
  if (`${target}${sep}`.startsWith(`${dataFolder}${sep}`))
    throw new CodedError('config.invalid', `${target} lies in the data folder`, { next: 'Name a folder elsewhere.' })
  return makeFolder(target, async (folder, copier) => {
    const taking = new Taking(input, folder, copier)
    const databases = await taking.takeAll()
    const files = [...taking.files.values()]
    const createdAt = new Date(input.now()).toISOString()
    const manifest = { version: 1 as const, keyId: keyRing.currentKeyId, createdAt, databases, files }
    writeFileDurably(join(folder, MANIFEST_FILE), writeManifest(manifest, keyRing))
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
    return { files: files.length, sizeBytes, databases, damaged: taking.damaged }
  })
}

interface NamedCopy {
  readonly copyId: string
  readonly kind: string
  readonly wrappedKey: string
  /** It holds older states only. */
  readonly isPast: boolean
}

/** One run: what was copied so far. */
class Taking {
  readonly files = new Map<string, ListedFile>()
  readonly damaged: string[] = []
  readonly #input: ServerBackupInput
  readonly #folder: string
  readonly #copier: FileCopier
  #sizeBytes = 0

  constructor(input: ServerBackupInput, folder: string, copier: FileCopier) {
    this.#input = input
    this.#folder = folder
    this.#copier = copier
  }

  /** @returns how many databases there are. */
  async takeAll(): Promise<number> {
    await this.#takeFile('keyring.json')
    await this.#takeFile('catalogue.sqlite.key')
    const databases = await this.#takeCatalogueAndCopies()
    if (existsSync(join(this.#input.dataFolder, 'accounts.sqlite'))) {
      await this.#takeFile('accounts.sqlite.key')
      await this.#takeOwnDatabase('accounts.sqlite', 'accounts', () => undefined)
    }
    for (const name of OBJECT_FOLDERS) await this.#takeObjects(name)
    return databases
  }

  /** SB-3. */
  async #takeCatalogueAndCopies(): Promise<number> {
    await mkdir(join(this.#folder, 'copies'), { mode: 0o700 })
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const named = await this.#takeCatalogue()
      const wanted = new Set(named.map(({ copyId }) => pathOf(copyId)))
      for (const path of [...this.files.keys()])
        if (path.startsWith('copies/') && !wanted.has(path)) await this.#drop(path)
      let gone = 0
      for (const copy of named) if (!this.files.has(pathOf(copy.copyId)) && !(await this.#takeCopy(copy))) gone++
      if (gone === 0) return named.filter(({ isPast }) => !isPast).length
    }
    throw new CodedError('session.busy', 'whole backups replace copies faster than they can be read', {
      next: 'Run the command again at a quieter time.',
    })
  }

  async #takeCatalogue(): Promise<readonly NamedCopy[]> {
    await this.#drop('catalogue.sqlite')
    return this.#takeOwnDatabase('catalogue.sqlite', 'catalogue', (db) => {
      // One that is to be put aside is in both while another takes its place.
      const past = 'SELECT copyId, kind, wrappedKey, 1 FROM pastCopy WHERE copyId NOT IN (SELECT copyId FROM database)'
      const rows = db.prepare(`SELECT copyId, kind, wrappedKey, 0 FROM database UNION ALL ${past}`).all().map(textsOf)
      return rows.map(([copyId = '', kind = '', wrappedKey = '', isPast = '']) => ({
        ...{ copyId, kind, wrappedKey },
        isPast: isPast === '1',
      }))
    })
  }

  /** @returns what `read` found in it. */
  async #takeOwnDatabase<T>(name: string, context: string, read: (db: SqlDatabase) => T): Promise<T> {
    const path = join(this.#input.dataFolder, name)
    const key = this.#input.keyRing.unwrap(readFileSync(`${path}.key`, 'utf8').trim(), context)
    return await holdSqliteFile(path, key, async (db) => {
      await this.#takeFile(name)
      return read(db)
    })
  }

  /** False if it is gone: another one took its place, or its owner removed it. */
  async #takeCopy({ copyId, kind, wrappedKey }: NamedCopy): Promise<boolean> {
    const path = pathOf(copyId)
    const source = join(this.#input.dataFolder, path)
    if (kind !== 'sql') return this.#tryFile(path)
    try {
      const key = this.#input.keyRing.unwrap(wrappedKey, copyKeyContext(copyId))
      return await holdSqliteFile(source, key, () => this.#tryFile(path))
    } catch (cause) {
      if (!existsSync(source)) return false
      if (!(cause instanceof CodedError) || !['key.wrong', 'storage.corrupt'].includes(cause.code)) throw cause
      this.damaged.push(copyId)
      return this.#tryFile(path)
    }
  }

  async #takeObjects(name: string): Promise<void> {
    const source = join(this.#input.dataFolder, name)
    await mkdir(join(this.#folder, name), { mode: 0o700 })
    if (!existsSync(source)) return
    for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(this.#input.dataFolder.length + 1)
      if (entry.isDirectory()) await mkdir(join(this.#folder, path), { recursive: true, mode: 0o700 })
      // One that expired meanwhile belongs to nobody.
      else if (!UNFINISHED.test(entry.name)) await this.#tryFile(path)
    }
  }

  async #takeFile(path: string): Promise<void> {
    if (await this.#tryFile(path)) return
    throw new CodedError('storage.unavailable', `${path} is not in the data folder`)
  }

  /** False if it is not there. */
  async #tryFile(path: string): Promise<boolean> {
    const { dataFolder, onProgress } = this.#input
    const copied: CopiedFile | undefined = await this.#copier.copy(join(dataFolder, path), join(this.#folder, path))
    if (copied === undefined) return false
    this.files.set(path, { path, ...copied })
    this.#sizeBytes += copied.sizeBytes
    onProgress?.(this.files.size, this.#sizeBytes)
    return true
  }

  async #drop(path: string): Promise<void> {
    this.#sizeBytes -= this.files.get(path)?.sizeBytes ?? 0
    this.files.delete(path)
    await rm(join(this.#folder, path), { force: true })
  }
}

function textsOf(row: readonly unknown[]): string[] {
  return row.map(String)
}

function pathOf(copyId: string): string {
  return `copies/${copyId}.db`
}
