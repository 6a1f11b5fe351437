/**
 * The kill of an agent within the test's own process: what its files hold at that moment is kept, the work is broken
 * off, and the files come back as they were, with journals and logs as a killed process leaves them.
 */

import { copyFileSync, existsSync, rmSync } from 'node:fs'

/** Moments of a night at which an agent can die; `during-…` within its own write transactions. */
export const KILL_POINTS = [
  'sealed',
  'during-extraction',
  'extracted',
  'marked-sent',
  'delivered',
  'picture-acknowledged',
  'state-acknowledged',
  'acknowledged',
] as const

export type KillPoint = (typeof KILL_POINTS)[number]

/** Thrown where the agent dies. */
export class AgentKilledError extends Error {}

/** No shared memory: it is made anew by whoever opens the database first. */
const PARTS = ['', '-wal', '-journal']

/** Notes what `paths` hold now; the result puts it back. Every connection must be closed by then. */
export function keepFiles(paths: readonly string[]): () => void {
  const files = paths.flatMap((path) => PARTS.map((part) => path + part))
  const kept = files.filter((file) => existsSync(file))
  for (const file of kept) copyFileSync(file, `${file}.kept`)
  return () => {
    for (const path of paths) for (const part of [...PARTS, '-shm']) rmSync(path + part, { force: true })
    for (const file of kept) {
      copyFileSync(`${file}.kept`, file)
      rmSync(`${file}.kept`)
    }
  }
}
