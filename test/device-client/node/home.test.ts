/** The agent's home: durable records for its owner only, and locks that end with their process. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgentRecords } from '../../../device-client/agentRecords.ts'
import { chooseHome } from '../../../device-client/node/chooseHome.ts'
import { createFileKeyStore } from '../../../device-client/node/fileKeyStore.ts'
import { openHome } from '../../../device-client/node/home.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nightferry-home-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('records', () => {
  it('[DC-23] keeps what was set, under any key, and forgets what was deleted', async () => {
    const store = createFileKeyStore(join(directory, 'records'))
    const keys = ['plain', 'history/a b', '../../escape', 'ä', 'A', 'a', '.', 'x'.repeat(60)]
    for (const [index, key] of keys.entries()) await store.set(key, new Uint8Array([index]))
    const again = createFileKeyStore(join(directory, 'records'))
    for (const [index, key] of keys.entries()) expect(await again.get(key)).toEqual(new Uint8Array([index]))
    expect(readdirSync(directory)).toEqual(['records'])
    await again.delete('plain')
    expect(await store.get('plain')).toBeUndefined()
    await again.delete('never there')
  })

  it('[DC-23] files are for their owner only, and none is left half', async () => {
    const records = join(directory, 'records')
    const store = createFileKeyStore(records)
    await store.set('secret', new Uint8Array([1]))
    await store.set('secret', new Uint8Array([2]))
    expect(statSync(records).mode & 0o777).toBe(0o700)
    expect(readdirSync(records)).toHaveLength(1)
    for (const name of readdirSync(records)) expect(statSync(join(records, name)).mode & 0o777).toBe(0o600)
  })

  it('[DC-23] a damaged record is storage.corrupt, not an empty one', async () => {
    const store = createFileKeyStore(directory)
    await store.set('databases', new TextEncoder().encode('[{'))
    await expect(createAgentRecords(store).databases()).rejects.toMatchObject({ code: 'storage.corrupt' })
  })

  it('[DC-23] before init the agent says what to do', async () => {
    await expect(createAgentRecords(createFileKeyStore(directory)).identity()).rejects.toMatchObject({
      code: 'device.unknown',
      next: expect.stringContaining('init'),
    })
  })
})

describe('the home', () => {
  it('is the option, else the variable, else a folder of the user', () => {
    expect(chooseHome('/a', { NIGHTFERRY_HOME: '/b' })).toBe('/a')
    expect(chooseHome(undefined, { NIGHTFERRY_HOME: '/b' })).toBe('/b')
    expect(chooseHome(undefined, {})).toMatch(/\.nightferry$/)
  })

  it('[DC-24] a second agent is told that the first is at work', () => {
    const first = openHome(directory)
    const held = first.lock('work')
    expect(() => openHome(directory).lock('work')).toThrow(expect.objectContaining({ code: 'session.busy' }))
    expect(first.isLocked('work')).toBe(true)
    expect(first.isLocked('watch')).toBe(false)
    openHome(directory).lock('watch').release()
    held.release()
    expect(first.isLocked('work')).toBe(false)
    openHome(directory).lock('work').release()
  })

  it('[DC-24] the lock of a killed process is free, and its images are gone', async () => {
    const module = join(import.meta.dirname, '../../../device-client/node/home.ts')
    const code = `const { openHome } = await import(process.argv[1]); openHome(process.argv[2]).lock('work')
      process.stdout.write('locked'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, module, directory])
    await once(child.stdout, 'data')
    expect(openHome(directory).isLocked('work')).toBe(true)
    mkdirSync(join(directory, 'images'), { recursive: true })
    writeFileSync(join(directory, 'images', 'left.image'), 'x')
    child.kill('SIGKILL')
    await once(child, 'exit')
    openHome(directory).lock('work').release()
    expect(readdirSync(join(directory, 'images'))).toEqual([])
  })
})
