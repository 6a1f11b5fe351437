/**
 * Before the first test: whatever tests keep for a while comes into one folder, which is removed after the last one. It
 * lies in memory if there is room: a process that is killed loses nothing of what it wrote there either, and power cuts
 * are tested in other ways.
 */

import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
const ROOM_BYTES = 4 * 1024 ** 3

/** Vitest's global set-up: tests and the programs that they start find the folder by `TMPDIR`. */
export default function openTemporaryFolder(): () => void {
  const place = process.env.TMPDIR === undefined && hasRoom() ? MEMORY : tmpdir()
  const folder = mkdtempSync(join(place, 'nightferry-tests-'))
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ROOM_BYTES
  } catch {
    return false
  }
}
