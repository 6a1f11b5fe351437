/**
 * The child process of the pool: takes one job after the other from its parent and answers. It ends with its parent.
 * Rule BK-8.
 */

import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { CopyDescription, DigestReply, DigestRequest } from '../../schemas/http/verify.ts'
import type { SegmentCompression } from '../../schemas/restore/segmentMap.ts'
import type { CopyPlace } from '../backup/copyKey.ts'
import type { CopyPosition } from '../backup/copyLayout.ts'
import type { PlainFileFacts } from '../backup/encryptFile.ts'
import type { ImportInput, ImportResult } from '../backup/importFile.ts'
import {
  type AppliedDelta,
  type ApplyInput,
  applyDeltaJob,
  type ImportFileInput,
  importFileJob,
  type ReceiveFileInput,
  type ReportStep,
  receiveFileJob,
  type SnapshotNeeded,
} from '../backup/jobs.ts'
import { type ReencryptInput, reencryptCopyJob } from '../backup/reencryptCopy.ts'
import type { ItemJobInput, ItemJobOutput } from '../items/jobInput.ts'
import {
  adoptPosition,
  type BuiltImage,
  buildImage,
  buildPlainImage,
  type CopySource,
  type ImageFileResult,
  type ImagePlace,
  importImage,
} from '../restore/buildImage.ts'
import { type ProofInput, type ProofOutcome, proveCopy } from '../restore/proveCopy.ts'
import type { StoredImage } from '../restore/readImage.ts'
import { type CheckInput, checkFileJob } from '../sql/checkFile.ts'
import { openFileStorage } from '../storage/fileStorage.ts'
import { type DiffInput, type DiffOutcome, diffJob } from '../timeMachine/diffJob.ts'
import { type CopyPast, copyCopyJob, dropPastJob, listPastJob } from '../timeMachine/pastJobs.ts'
import { describeCopyJob, digestCopyJob } from '../verify/digestCopy.ts'
import { Feed } from './feed.ts'
import type { WorkerMessage, WorkerOrder } from './workerMessages.ts'

/** Every job with its input and output. */
export interface Jobs {
  applyDelta: { input: ApplyInput; output: AppliedDelta | SnapshotNeeded }
  importFile: { input: ImportFileInput; output: ImportResult }
  /** Fed: it is told how many octets of the spool are settled. */
  receiveFile: { input: ReceiveFileInput; output: PlainFileFacts }
  buildPlainImage: { input: CopySource & ImagePlace; output: ImageFileResult }
  buildImage: {
    input: CopySource &
      ImagePlace & {
        imageId: string
        contentKey: string
        compression: SegmentCompression
        pastToken?: string
        storageFolder: string
      }
    output: BuiltImage
  }
  importImage: { input: ImportInput & StoredImage & { storageFolder: string }; output: ImportResult }
  adoptPosition: { input: CopyPlace & { position: CopyPosition }; output: boolean }
  items: { input: ItemJobInput; output: ItemJobOutput }
  proveCopy: { input: ProofInput; output: ProofOutcome }
  describeCopy: { input: CopyPlace & { withObjects: boolean }; output: CopyDescription }
  digestCopy: { input: CopyPlace & { request: DigestRequest }; output: DigestReply }
  listPast: { input: CopyPlace; output: CopyPast }
  copyCopy: { input: CopyPlace & { to: string }; output: undefined }
  dropPast: { input: CopyPlace & { tokens: readonly string[] }; output: { readonly freedBytes: number } }
  reencryptCopy: { input: ReencryptInput; output: undefined }
  diff: { input: DiffInput; output: DiffOutcome }
  checkFile: { input: CheckInput; output: string | undefined }
  /** What a process does that is kept ready: below `folder`, of which nothing stays. */
  rehearse: { input: { folder: string }; output: undefined }
}

export type JobName = keyof Jobs

type Handlers = {
  readonly [Name in JobName]: (
    input: Jobs[Name]['input'],
    onStep: ReportStep,
    feed: Feed,
  ) => Promise<Jobs[Name]['output']>
}

const handlers: Handlers = {
  applyDelta: applyDeltaJob,
  importFile: importFileJob,
  receiveFile: receiveFileJob,
  buildPlainImage,
  buildImage: (input, onStep) => buildImage(input, openFileStorage(input.storageFolder), onStep),
  importImage: (input, onStep) => importImage(input, openFileStorage(input.storageFolder), onStep),
  adoptPosition: async (input) => adoptPosition(input),
  proveCopy: (input) => proveCopy(input),
  describeCopy: describeCopyJob,
  digestCopy: digestCopyJob,
  listPast: listPastJob,
  copyCopy: async (input) => {
    await copyCopyJob(input)
    return undefined
  },
  dropPast: dropPastJob,
  reencryptCopy: reencryptCopyJob,
  diff: diffJob,
  checkFile: checkFileJob,
  items: async (input) => (await import('../items/itemWorker.ts')).runItemWork(input),
  rehearse: async ({ folder }) => {
    await (await import('../items/itemWorker.ts')).rehearseItemWork(folder)
    return undefined
  },
}

/** What the job at work is told meanwhile. */
let feed = new Feed()

process.on('message', (message) => {
  const order = message as WorkerOrder
  if (order.kind === 'settled') feed.tell(order.bytes)
  else if (order.kind === 'complete') feed.end()
  else if (order.kind === 'cancel') feed.fail(new CodedError('session.busy', 'what was arriving is not wanted'))
  else run(order.name, order.input as never)
})

/** Jobs whose code was kept for the next process. */
const kept = new Set<JobName>()

/** The pool ends its processes by a signal: what Node made of the code would go with them. */
function keepCompiledCode(name: JobName): void {
  if (kept.has(name)) return
  kept.add(name)
  setImmediate(flushCompileCache)
}

function run(name: JobName, input: never): void {
  feed = new Feed()
  const before = process.cpuUsage()
  handlers[name](input, (step, done) => tell({ kind: 'step', step, done }), feed).then(
    (output) => {
      tell({ kind: 'done', output })
      keepCompiledCode(name)
    },
    (cause: unknown) => {
      const { user, system } = process.cpuUsage(before)
      tell({ kind: 'failed', ...failure(cause), cpuMs: (user + system) / 1000 })
    },
  )
}

process.on('disconnect', () => process.exit(0))

tell({ kind: 'ready' })

function failure(cause: unknown): { readonly code: string; readonly message: string; readonly next: string } {
  if (cause instanceof CodedError) {
    const code = isDamage(cause) ? 'storage.corrupt' : cause.code
    return { code, message: cause.message, next: cause.next }
  }
  const { code, message } = cause as { code?: unknown; message?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT') return { code: 'storage.full', message: 'no space left', next: '' }
  return { code: 'internal', message: String(message ?? cause), next: '' }
}

/** A copy whose key the ring has unwrapped, and so proven, is damaged if it does not open; or it is gone (BK-23). */
function isDamage({ code, fields }: CodedError): boolean {
  return code === 'key.wrong' || (code === 'storage.unavailable' && isGone(fields.path))
}

function isGone(path: unknown): boolean {
  return typeof path === 'string' && existsSync(dirname(path)) && !existsSync(path)
}

function tell(message: WorkerMessage): void {
  process.send?.(message)
}
