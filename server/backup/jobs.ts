/**
 * The work on copies as jobs: plain input, plain output, no state. They run in a child process that can be killed
 * (BK-8); everything a job needs comes in its input, keys included, and nothing of that is written down.
 */

import type { DeltaEvent } from '../../schemas/delta/delta.ts'
import { step } from '../steps.ts'
import { followSpoolFile } from '../storage/fileSpool.ts'
import { type ApplyOutcome, applyDelta, type PastOrder } from './applyDelta.ts'
import type { CopyPlace } from './copyKey.ts'
import type { PlainFileFacts } from './encryptFile.ts'
import { type ImportInput, type ImportResult, importFile, receiveFile } from './importFile.ts'
import { NeedsSnapshotError } from './keepPast.ts'
import { openCopyToWrite } from './openCopy.ts'
import { readContent, readDelta, readSmallDelta } from './readDelta.ts'

/** Received octets: in memory, or in the sealed spool. */
export type ContentSource =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'spool'; readonly path: string; readonly key: Uint8Array }

export interface ApplyInput extends CopyPlace {
  readonly content: ContentSource
  /** What becomes of the state it leaves; without it, that and all before it are forgotten. */
  readonly past?: PastOrder
}

/** What became of a Delta, and how large the copy is now. */
export interface AppliedDelta extends ApplyOutcome {
  readonly sizeBytes: number
}

/** Nothing was applied: the copy as a whole is to be kept first (TM-4). */
export interface SnapshotNeeded {
  readonly outcome: 'snapshot-needed'
}

export interface ImportFileInput extends ImportInput {
  readonly content: ContentSource
}

export interface ReceiveFileInput extends CopyPlace {
  readonly content: Extract<ContentSource, { kind: 'spool' }>
}

/** Told between steps; a name and a count that grows. */
export type ReportStep = (step: string, done: number) => void

/** Applies a received Delta to a copy. @throws {CodedError} as `applyDelta`, or `key.wrong`, `storage.corrupt`. */
export async function applyDeltaJob(input: ApplyInput): Promise<AppliedDelta | SnapshotNeeded> {
  const small = readSmallDelta(input.content)
  const copy = openCopyToWrite(input.copyPath, input.copyKey, small?.every(isQuick) ?? false)
  try {
    const events = small ? [small] : readDelta(input.content)
    const outcome = await applyDelta(copy, events, (name) => step(`apply-${name}`), input.past)
    return { ...outcome, sizeBytes: Number(copy.pragma('page_count')) * Number(copy.pragma('page_size')) }
  } catch (cause) {
    if (!(cause instanceof NeedsSnapshotError)) throw cause
    return { outcome: 'snapshot-needed' }
  } finally {
    copy.close()
  }
}

/** Work that follows the number of rows in the Delta, not of those in the copy. */
function isQuick(event: DeltaEvent): boolean {
  return event.kind !== 'schema' && !(event.kind === 'table' && event.table.clear)
}

/** Makes a copy of a received file. @throws {CodedError} as `importFile`. */
export function importFileJob(input: ImportFileInput, onStep: ReportStep): Promise<ImportResult> {
  return importFile(input, readContent(input.content), onStep)
}

/**
 * Takes in a file while it arrives: `settled` tells how many octets of the spool will not change any more, and ends with
 * the whole. @throws {CodedError} as `receiveFile`; errors of `settled` pass.
 */
export function receiveFileJob(
  { content, ...input }: ReceiveFileInput,
  onStep: ReportStep,
  settled: AsyncIterable<number>,
): Promise<PlainFileFacts> {
  return receiveFile(input, followSpoolFile(content.path, content.key, settled), onStep)
}
