/** The item store's job with all it needs, for a worker process: loaded with the first one, since most have none. */

import { runItemJob } from './itemJob.ts'
import type { ItemJobInput, ItemJobOutput } from './jobInput.ts'
import { keepFilesOpen } from './openFiles.ts'
import { pimContent } from './pimContent.ts'
import { rehearseItems } from './rehearsal.ts'

const files = keepFilesOpen()

/** @throws {CodedError} as `runItemJob`. */
export function runItemWork(input: ItemJobInput): Promise<ItemJobOutput> {
  return runItemJob(input, pimContent, files)
}

/** Plays a sync below `folder` (BK-8). @throws {CodedError} as `rehearseItems`. */
export function rehearseItemWork(folder: string): Promise<void> {
  return rehearseItems(folder, pimContent)
}
