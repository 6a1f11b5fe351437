/** Sets as a server might send them that is not ours. Rules FS-1, FS-9, FS-10, FS-11. */

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSet, formatParts, parseParts } from '../../../device-client/files/setTables.ts'
import { unpackSet } from '../../../device-client/files/unpackSet.ts'
import { createOwnDatabase } from '../../../device-client/node/betterSqlite.ts'
import { createFilePorts } from '../../../device-client/node/fileSets.ts'
import type { SqlDatabase, SqlValue } from '../../../device-client/ports.ts'

let folder: string
let set: SqlDatabase
const ports = createFilePorts(tmpdir(), () => 0)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-unpack-'))
  set = createOwnDatabase(join(folder, 'set.db'))
  createSet(set)
  entry('', 'folder')
})
afterEach(() => {
  set.close()
  rmSync(folder, { recursive: true, force: true })
})

function entry(path: SqlValue, kind: string, size = 0, parts: string | null = null, target: SqlValue = null): void {
  const row = [path, kind, kind === 'folder' ? 0o755n : 0o644n, 1_700_000_000_000_000n, BigInt(size), target, parts]
  set.prepare('INSERT INTO entry VALUES(?,?,?,?,?,?,?)').run(...row)
}

function block(id: number, text: string, digest?: Uint8Array): void {
  const data = Buffer.from(text)
  const sha256 = digest ?? createHash('sha256').update(data).digest()
  set.prepare('INSERT INTO block VALUES(?,?,?,0,?)').run(BigInt(id), sha256, BigInt(data.length), data)
}

function fileOf(text: string, size: number, parts: string, digest?: Uint8Array): void {
  block(1, text, digest)
  entry('a', 'file', size, parts)
}

const target = (): string => join(folder, 'target')
const unpack = (only?: string): number =>
  unpackSet({ set, writer: ports.writer(target(), false), ports, ...(only !== undefined && { only }) })

it('[FS-1] a list of blocks is written as runs, and read as it was', () => {
  expect(formatParts([12, 13, 14, 7, 7, 8])).toBe('12-14 7 7-8')
  expect(parseParts('12-14 7')).toEqual([
    { first: 12, last: 14 },
    { first: 7, last: 7 },
  ])
  expect(parseParts('')).toEqual([])
  for (const text of ['x', '0', '-1', '3-2', '1  2', '1-2-3', '1.5']) expect(parseParts(text), text).toBeUndefined()
})

it('[FS-9] [FS-11] a whole set, one file of it, or one folder', () => {
  block(1, 'one')
  block(2, 'two')
  entry('a', 'folder')
  entry('a/b', 'file', 6, '1-2')
  entry('a/link', 'link', 0, null, 'b')
  entry('ab', 'file', 3, '2')
  expect(unpack()).toBe(5)
  expect(readFileSync(join(target(), 'a', 'link'), 'utf8')).toBe('onetwo')
  rmSync(target(), { recursive: true })
  expect(unpack('a/b')).toBe(1)
  expect(readFileSync(target(), 'utf8')).toBe('onetwo')
  rmSync(target())
  expect(unpack('a')).toBe(3)
  expect(readdirSync(target())).toEqual(['b', 'link'])
  rmSync(target(), { recursive: true })
  expect(() => unpack('none')).toThrow(expect.objectContaining({ code: 'restore.unknown' }))
})

it('[FS-9] what is not the own folder, and not empty, is left alone', () => {
  mkdirSync(target())
  expect(unpack()).toBe(1)
  writeFileSync(join(target(), 'mine'), 'x')
  expect(() => unpack()).toThrow(expect.objectContaining({ code: 'restore.target-exists' }))
  expect(readdirSync(target())).toEqual(['mine'])
})

const OUTSIDE: readonly (readonly [string, () => void])[] = [
  ['a way out', () => entry('../out', 'file')],
  ['a way out inside', () => entry('a/../../out', 'file')],
  ['an absolute path', () => entry('/etc/passwd', 'file')],
  ['an empty name', () => entry('a//b', 'file')],
  ['a dot', () => entry('./a', 'file')],
  ['a NUL', () => entry(Buffer.from('a\0b'), 'file')],
  ['a number', () => entry(7n, 'file')],
  ['no folder', () => entry('a/b', 'file')],
  [
    'a file under a link',
    () => {
      entry('a', 'link', 0, null, '..')
      entry('a/out', 'file')
    },
  ],
  [
    'a file under a file',
    () => {
      entry('a', 'file', 0, '')
      entry('a/out', 'file')
    },
  ],
  ['an unknown kind', () => entry('a', 'device')],
  ['a link to nowhere', () => entry('a', 'link')],
  ['no list of blocks', () => entry('a', 'file', 3, 'x')],
  ['a missing block', () => entry('a', 'file', 3, '9')],
  ['a size that is not that of its blocks', () => fileOf('one', 4, '1')],
  ['more blocks than its size', () => fileOf('one', 2, '1-1')],
  ['a block with another digest', () => fileOf('one', 3, '1', Buffer.alloc(32))],
  ['a list without end', () => fileOf('one', 3, '1-999999999999999')],
]

it.each(OUTSIDE)('[FS-10] a set with %s is refused, and nothing is placed', (_, spoil) => {
  spoil()
  expect(() => unpack()).toThrow(expect.objectContaining({ code: 'integrity.mismatch' }))
  expect(readdirSync(folder).filter((name) => !name.startsWith('set.db'))).toEqual([])
})

it('[FS-10] a database that is no set is refused', () => {
  set.exec('PRAGMA application_id=1')
  expect(() => unpack()).toThrow(expect.objectContaining({ code: 'integrity.mismatch' }))
})

it('[FS-10] a link that lies where a folder is built is not followed', () => {
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), `${target()}.nightferry-new`)
  block(1, 'one')
  entry('a', 'file', 3, '1')
  expect(unpack()).toBe(2)
  expect(readdirSync(join(folder, 'elsewhere'))).toEqual([])
  expect(existsSync(join(target(), 'a'))).toBe(true)
})
