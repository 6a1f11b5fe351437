/**
 * The child process of the pool: takes one job after the other from its parent and answers. It ends with its parent.
 * Rule BK-8.
 */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { ApplyOutcome } from '../backup/applyDelta.ts'
import type { CopyPosition } from '../backup/copyLayout.ts'
import type { ImportInput, ImportResult } from '../backup/importFile.ts'
import {
  type ApplyInput,
  applyDeltaJob,
  type ImportFileInput,
  importFileJob,
  type ReportStep,
  readPositionJob,
} from '../backup/jobs.ts'
import {
  adoptPosition,
  buildImage,
  buildPlainImage,
  type CopySource,
  type ImageFileResult,
  type ImagePlace,
  importImage,
} from '../restore/buildImage.ts'
import type { CutImage } from '../restore/cutSegments.ts'
import { openFileStorage } from '../storage/fileStorage.ts'
import type { WorkerMessage } from './workerPool.ts'

/** Every job with its input and output. */
export interface Jobs {
  applyDelta: { input: ApplyInput; output: ApplyOutcome }
  importFile: { input: ImportFileInput; output: ImportResult }
  readPosition: { input: { copyPath: string; copyKey: string }; output: CopyPosition }
  buildPlainImage: { input: CopySource & ImagePlace; output: ImageFileResult }
  buildImage: {
    input: CopySource & ImagePlace & { imageId: string; contentKey: string; storageFolder: string }
    output: ImageFileResult & CutImage
  }
  importImage: { input: ImportInput & ImagePlace; output: ImportResult }
  adoptPosition: { input: { copyPath: string; copyKey: string; position: CopyPosition }; output: boolean }
}

export type JobName = keyof Jobs

type Handlers = {
  readonly [Name in JobName]: (input: Jobs[Name]['input'], onStep: ReportStep) => Promise<Jobs[Name]['output']>
}

const handlers: Handlers = {
  applyDelta: applyDeltaJob,
  importFile: importFileJob,
  readPosition: readPositionJob,
  buildPlainImage,
  buildImage: (input, onStep) => buildImage(input, openFileStorage(input.storageFolder), onStep),
  importImage,
  adoptPosition: async (input) => adoptPosition(input),
}

process.on('message', (message) => {
  const { name, input } = message as { name: JobName; input: never }
  handlers[name](input, (step, done) => tell({ kind: 'step', step, done })).then(
    (output) => tell({ kind: 'done', output }),
    (cause: unknown) => tell(failure(cause)),
  )
})
process.on('disconnect', () => process.exit(0))

function failure(cause: unknown): WorkerMessage {
  if (cause instanceof CodedError) {
    const code = isDamage(cause) ? 'storage.corrupt' : cause.code
    return { kind: 'failed', code, message: cause.message, next: cause.next }
  }
  const { code, message } = cause as { code?: unknown; message?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return { kind: 'failed', code: 'storage.full', message: 'no space left', next: '' }
  return { kind: 'failed', code: 'internal', message: String(message ?? cause), next: '' }
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
