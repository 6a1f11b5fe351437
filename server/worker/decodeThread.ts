/** The thread that reads large SyncML messages (OM-24): octets come in, a message or the code of its refusal goes out. */

import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { CodedError, type ErrorCode } from '../../schemas/errors.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../schemas/syncml/message.ts'
import { showMessage } from '../../schemas/syncml/trace.ts'

/** What the thread is asked. */
export interface DecodeRequest {
  readonly id: number
  readonly bytes: Uint8Array
  /** The message as a value of this encoding, or as redacted text of whichever it is. */
  readonly wanted: Encoding | 'text'
}

/** What it answers. */
export type DecodeReply =
  | { readonly id: number; readonly message: Message }
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly code: ErrorCode; readonly reason: string }

// On Linux the priority is the thread's own; elsewhere it would be the whole server's.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

parentPort?.on('message', ({ id, bytes, wanted }: DecodeRequest) => {
  const tell = (reply: DecodeReply): void => parentPort?.postMessage(reply)
  try {
    tell(wanted === 'text' ? { id, text: showMessage(bytes) } : { id, message: decodeMessage(bytes, wanted) })
  } catch (cause) {
    const code = cause instanceof CodedError ? cause.code : 'internal'
    tell({ id, code, reason: String((cause as Error).message) })
  }
})
