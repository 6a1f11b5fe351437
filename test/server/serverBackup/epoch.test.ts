/** The epoch's file: kept over starts, and no damage is taken for an epoch. */

import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { beginEpoch, openEpoch } from '../../../server/serverBackup/epoch.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-epoch-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const none = () => expect.unreachable('nothing is damaged')

it('[SB-7] begins once, and is kept, also one that was written without a check', () => {
  const epoch = openEpoch(folder, none)
  expect(epoch).toMatch(/^[0-9a-f]{32}$/)
  expect(openEpoch(folder, none)).toBe(epoch)
  writeFileSync(join(folder, 'epoch'), `${'ab'.repeat(16)}\n`)
  expect(openEpoch(folder, none)).toBe('ab'.repeat(16))
  expect(beginEpoch(folder)).not.toBe('ab'.repeat(16))
})

it('[SB-7] any flipped bit and any cut end is noticed: another one begins', () => {
  const path = join(folder, 'epoch')
  const epoch = openEpoch(folder, none)
  const octets = readFileSync(path)
  // The last octet ends the line.
  for (let bit = 0; bit < (octets.length - 1) * 8; bit++) {
    const flipped = Buffer.from(octets)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(path, flipped)
    const onDamage = vi.fn()
    expect(openEpoch(folder, onDamage), `bit ${bit}`).not.toBe(epoch)
    expect(onDamage).toHaveBeenCalledOnce()
  }
  for (let length = 0; length < octets.length - 1; length++) {
    writeFileSync(path, octets)
    truncateSync(path, length)
    const onDamage = vi.fn()
    // What is cut behind it is as it was written before: the same epoch.
    expect(openEpoch(folder, onDamage) === epoch, `cut at ${length}`).toBe(length === 32 || length === 33)
    expect(onDamage.mock.calls.length === 0, `cut at ${length}`).toBe(length === 32 || length === 33)
  }
})
