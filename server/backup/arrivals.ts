/**
 * Whole files that are taken in while their octets still arrive, so that little is left to do when the last one is
 * there. Nothing depends on it: an arrival that fails, is too slow or finds no process is forgotten, and the file is
 * read from the spool when it is whole. Rule BK-24.
 */

import { randomUUID } from 'node:crypto'
import type { KeyRing } from '../keys/keyRing.ts'
import { copyKeyContext } from './copyKey.ts'
import type { PlainFileFacts } from './encryptFile.ts'
import { removeCopy } from './importFile.ts'
import type { ReceiveFileInput } from './jobs.ts'

/** A job that is fed while the file arrives. */
export interface Receiving {
  settled(bytes: number): void
  complete(): void
  cancel(): void
  readonly done: Promise<PlainFileFacts>
}

export interface ArrivalsParts {
  readonly keyRing: KeyRing
  copyPath(copyId: string): string
  /** Starts the job, or says by undefined that there is no room for it. */
  receive(input: ReceiveFileInput): Receiving | undefined
  /** Milliseconds of silence after which an arrival gives its process back; 10 s by default. */
  readonly silenceMs?: number
}

/** What was taken in: where the copy of it will lie, and its key. */
export interface TakenIn {
  readonly copyId: string
  readonly copyKey: { readonly key: Uint8Array; readonly wrapped: string }
  readonly facts: PlainFileFacts
}

export interface Arrivals {
  /** Part of a file has arrived in the spool; the first `settledBytes` of it will not be written again. */
  note(spoolId: string, source: ReceiveFileInput['content'], settledBytes: number): void
  /** The whole file is there; undefined if it was not taken in. Whoever takes it clears it away. */
  take(spoolId: string, sizeBytes: number): Promise<TakenIn | undefined>
  /** The file will not come, or is done with. */
  drop(spoolId: string): void
}

interface Arrival {
  readonly copyId: string
  readonly copyKey: TakenIn['copyKey']
  /** Undefined once it was given up: it is not begun again for the same file. */
  receiving: Receiving | undefined
  timer: NodeJS.Timeout | undefined
}

const DEFAULT_SILENCE_MS = 10_000

export function createArrivals(parts: ArrivalsParts): Arrivals {
  const arrivals = new Map<string, Arrival>()
  const begin = (source: ReceiveFileInput['content']): Arrival => {
    const copyId = randomUUID()
    const copyKey = parts.keyRing.newKey(copyKeyContext(copyId))
    const copyPath = parts.copyPath(copyId)
    const input = { copyPath, copyKey: Buffer.from(copyKey.key).toString('hex'), content: source }
    const receiving = parts.receive(input)
    const arrival: Arrival = { copyId, copyKey, receiving, timer: undefined }
    receiving?.done.catch(async () => {
      arrival.receiving = undefined
      // A process that was killed could not clear away behind itself.
      await removeCopy(copyPath).catch(() => undefined)
    })
    return arrival
  }
  return {
    note: (spoolId, source, settledBytes) => {
      const arrival = arrivals.get(spoolId) ?? begin(source)
      arrivals.set(spoolId, arrival)
      clearTimeout(arrival.timer)
      arrival.timer = setTimeout(() => arrival.receiving?.cancel(), parts.silenceMs ?? DEFAULT_SILENCE_MS)
      arrival.timer.unref()
      if (settledBytes > 0) arrival.receiving?.settled(settledBytes)
    },
    take: async (spoolId, sizeBytes) => {
      const arrival = arrivals.get(spoolId)
      clearTimeout(arrival?.timer)
      const receiving = arrival?.receiving
      if (!arrival || !receiving) return undefined
      arrivals.delete(spoolId)
      receiving.settled(sizeBytes)
      receiving.complete()
      const facts = await receiving.done.catch(() => undefined)
      return facts && { copyId: arrival.copyId, copyKey: arrival.copyKey, facts }
    },
    drop: (spoolId) => {
      const arrival = arrivals.get(spoolId)
      clearTimeout(arrival?.timer)
      arrivals.delete(spoolId)
      if (arrival?.receiving) void discard(parts, arrival, arrival.receiving)
    },
  }
}

/** Ends it, or removes what it made if it had ended before. */
async function discard(parts: ArrivalsParts, { copyId }: Arrival, receiving: Receiving): Promise<void> {
  receiving.cancel()
  await receiving.done.catch(() => undefined)
  await removeCopy(parts.copyPath(copyId)).catch(() => undefined)
}
