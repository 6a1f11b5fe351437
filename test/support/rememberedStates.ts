/** States of a copy that a test remembers, to hold them against what the copy goes back to. */

import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readMeta } from '../../server/backup/copyLayout.ts'
import { readPast } from '../../server/backup/pastLayout.ts'
import type { SqlDatabase } from '../../server/sql/sqlDatabase.ts'
import { dropPoints } from '../../server/timeMachine/dropPoints.ts'
import { rewindCopy } from '../../server/timeMachine/rewindCopy.ts'

export interface StatesParts {
  readonly folder: string
  open(path: string): SqlDatabase
  /** What an image of the copy at `path` holds, canonically. */
  dump(path: string): string
}

export class RememberedStates {
  readonly #parts: StatesParts
  #points: { path: string; readonly token: string; readonly dump: string }[] = []
  #snapshots = 0

  constructor(parts: StatesParts) {
    this.#parts = parts
  }

  /** The copy at `path` as it is now. */
  remember(path: string): void {
    this.#points.push({ path, token: this.#headOf(path), dump: this.#parts.dump(path) })
  }

  /** Another file of the copy at `path` holds its states from now on. */
  takeSnapshot(path: string): void {
    const to = join(this.#parts.folder, `snapshot${++this.#snapshots}.db`)
    copyFileSync(path, to)
    for (const point of this.#points) if (point.path === path) point.path = to
  }

  /** How many older states a file remembers by itself. */
  inside(path: string): number {
    return this.#use(path, (copy) => readPast(copy).length)
  }

  /** Each state, as it was and as it is gone back to. */
  *compare(): Generator<{ readonly was: string; readonly is: string }> {
    const scratch = join(this.#parts.folder, 'scratch.db')
    for (const { path, token, dump } of this.#points) {
      copyFileSync(path, scratch)
      if (this.#headOf(scratch) !== token) this.#use(scratch, (copy) => rewindCopy(copy, token))
      yield { was: dump, is: this.#parts.dump(scratch) }
      rmSync(scratch)
    }
  }

  /** Where each state is, the oldest first. */
  places(): readonly { readonly path: string; readonly token: string }[] {
    return this.#points.map(({ path, token }) => ({ path, token }))
  }

  /** The files that hold the states. */
  files(): readonly string[] {
    return [...new Set(this.#points.map((point) => point.path))]
  }

  /** Goes back to each state in a copy that may be damaged. @throws Error if one comes back otherwise than it was. */
  *tryEach(): Generator<'equal' | 'refused'> {
    const scratch = join(this.#parts.folder, 'scratch.db')
    for (const { path, token, dump } of this.#points) {
      copyFileSync(path, scratch)
      let now: string | undefined
      try {
        if (this.#headOf(scratch) !== token) this.#use(scratch, (copy) => rewindCopy(copy, token))
        now = this.#parts.dump(scratch)
      } catch {
        // Whatever it is: nothing was given back.
      }
      for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(scratch + suffix, { force: true })
      if (now !== undefined && now !== dump) throw new Error('a state came back otherwise than it was')
      yield now === undefined ? 'refused' : 'equal'
    }
  }

  /** Forgets states, those for which `dropped` is true; what a copy stands at stays. */
  drop(dropped: (at: number) => boolean): void {
    const gone = new Set(
      this.#points
        .filter(({ path, token }, at) => dropped(at) && this.#headOf(path) !== token)
        .map(({ token }) => token),
    )
    for (const path of new Set(this.#points.map((point) => point.path)))
      this.#use(path, (copy) => dropPoints(copy, gone))
    this.#points = this.#points.filter(({ token }) => !gone.has(token))
  }

  #headOf(path: string): string {
    return this.#use(path, (copy) => readMeta(copy).token)
  }

  #use<T>(path: string, work: (copy: SqlDatabase) => T): T {
    const copy = this.#parts.open(path)
    try {
      return work(copy)
    } finally {
      copy.close()
    }
  }
}
