/** Objects by key in a folder. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openFileStorage } from '../../../server/storage/fileStorage.ts'
import type { Storage } from '../../../server/storage/storage.ts'

let folder: string
let storage: Storage
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-objects-'))
  storage = openFileStorage(join(folder, 'objects'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function listed(prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const key of storage.list(prefix)) keys.push(key)
  return keys
}

it('[RS-4] keeps objects whole and gives ranges of them', async () => {
  await storage.put('images/a/0', Buffer.from('first'))
  await storage.put('images/a/0', Buffer.from('second'))
  expect(Buffer.from((await storage.get('images/a/0')) ?? []).toString()).toBe('second')
  expect(Buffer.from((await storage.get('images/a/0', { start: 2, end: 4 })) ?? []).toString()).toBe('co')
  expect(Buffer.from((await storage.get('images/a/0', { start: 4, end: 99 })) ?? []).toString()).toBe('nd')
  expect(await storage.get('images/a/0', { start: 50, end: 60 })).toHaveLength(0)
  expect(await storage.get('images/a/1')).toBeUndefined()
})

it('[RS-10] lists by prefix without unfinished objects, and deletes', async () => {
  for (const key of ['images/a/0', 'images/a/1', 'images/ab/0', 'other/x']) await storage.put(key, Buffer.from(key))
  writeFileSync(join(folder, 'objects', 'images', 'a', '2~123'), 'unfinished')
  expect((await listed('images/a/')).sort()).toEqual(['images/a/0', 'images/a/1'])
  expect((await listed('images/a')).length).toBe(3)
  expect(await listed('nothing/')).toEqual([])
  await storage.delete('images/a/0')
  await storage.delete('images/a/0')
  expect(await listed('images/a/')).toEqual(['images/a/1'])
})

it.each(['../x', 'a/../b', '/x', 'a//b', '', 'a~b', '.hidden'])('a key cannot leave the folder: %j', async (key) => {
  await expect(async () => storage.get(key)).rejects.toThrow(TypeError)
})
