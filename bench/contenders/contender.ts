/** What the bench asks of everything that backs a database up: ours, and its peers. */

import type { Cost } from '../measure/runProcess.ts'

export interface Contender {
  readonly name: string
  /** What the reader of the table must know of it. */
  readonly note: string
  /** Begins with nothing stored. Called before each first backup. */
  reset(): Promise<void>
  firstBackup(): Promise<Cost>
  nightly(): Promise<Cost>
  /** Restores the newest state to `path`, where nothing is. */
  restore(path: string): Promise<Cost>
  /** Octets that the store holds now. */
  storedBytes(): Promise<number>
  close(): Promise<void>
}

/** Makes a contender for the database at `path`, with `folder` for whatever it keeps; undefined if it is not installed. */
export type OpenContender = (path: string, folder: string) => Promise<Contender | undefined>
