/** Copies files by a process of its own, one after the other (BK-18, SB-2). */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CodedError } from '../../schemas/errors.ts'
import { storageError } from '../storage/storageError.ts'
import type { CopyOrder, CopyReply } from './copyChild.ts'

/** What was copied. */
export interface CopiedFile {
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
}

export interface FileCopier {
  /**
   * Copies `from` to `to`, which must not be there; durable when it returns. Undefined if `from` is not there.
   * @throws {CodedError} `storage.full`, `storage.unavailable`
   */
  copy(from: string, to: string): Promise<CopiedFile | undefined>
  /** The same for a copy that serves for a moment. False if `from` is not there. */
  copyBriefly(from: string, to: string): Promise<boolean>
  close(): void
}

/** Starts the process. Close it. */
export function startFileCopier(): FileCopier {
  const child = fork(fileURLToPath(new URL('./copyChild.ts', import.meta.url)), {
    execArgv: ['--no-warnings=ExperimentalWarning'],
  })
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new CodedError('storage.unavailable', 'the process that copies files ended')),
  )
  // It ends when it is closed, too, and then nobody waits for it.
  ended.catch(() => undefined)
  child.on('error', () => undefined)
  const order = async (from: string, to: string, brief: boolean): Promise<CopiedFile | undefined> => {
    const reply = await Promise.race([ask(child, { from, to, brief }), ended])
    if (reply.kind === 'copied') return { sizeBytes: reply.sizeBytes, sha256: reply.sha256 }
    if (reply.errno === 'ENOENT') return undefined
    throw storageError(Object.assign(new Error(reply.message), { code: reply.errno }), `${from} cannot be copied`)
  }
  return {
    copy: (from, to) => order(from, to, false),
    copyBriefly: async (from, to) => (await order(from, to, true)) !== undefined,
    close: () => child.disconnect(),
  }
}

async function ask(child: ChildProcess, order: CopyOrder): Promise<CopyReply> {
  const answered = once(child, 'message')
  child.send(order)
  const [reply] = (await answered) as [CopyReply]
  return reply
}
