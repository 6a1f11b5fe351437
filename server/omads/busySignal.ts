/**
 * The busy signal (OM-34, reference 3.12): a client that waits too long for an answer is told Status 101 on the SyncHdr,
 * the work goes on, and the client gets the answer when it asks again. Nothing of that is stored: after a crash the
 * message was never there, and is worked when it comes again.
 */

import { MAX_BACKGROUND_BYTES } from '../../schemas/limits.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import type { OmadsReply } from './answer.ts'
import type { Arrival } from './handleMessage.ts'
import { MessageInHand } from './messageInHand.ts'
import type { ActiveState } from './sessionState.ts'

/** When to signal, and a clock to wait by. */
export interface BusyOptions {
  /** Milliseconds a client waits before it is told. */
  readonly afterMs: number
  /** `over` resolves after `ms`, unless it was cancelled. */
  delay(ms: number): { readonly over: Promise<void>; cancel(): void }
}

/** A message while it is worked on, as the work sees it. */
export interface InHand {
  /** The session is proven: from now on its client can be told to wait, as often as its description allows. */
  begin(state: ActiveState, describe: () => Promise<DevInf | undefined>): void
  /** The answer is about to be made, and nobody is told to wait any more. True if somebody was. */
  settle(): boolean
}

/** What is known of a message before it is in hand. */
export type NewArrival = Omit<Arrival, 'inHand'>

export interface BusySignals {
  /** What `work` gives, or the signal if that takes too long. `work` must not fail. */
  run(arrival: NewArrival, work: (arrival: Arrival) => Promise<OmadsReply>): Promise<OmadsReply>
  /** Resolves when nothing is worked on any more for clients that were told to wait. */
  settled(): Promise<void>
}

/** The signals of one engine; without `options` nobody is ever told to wait. */
export function createBusySignals(options: BusyOptions | undefined, publicUrl: string | undefined): BusySignals {
  if (options === undefined) {
    const inHand = { begin: () => undefined, settle: () => false }
    return { run: (arrival, work) => work({ ...arrival, inHand }), settled: async () => undefined }
  }
  const begun = new Map<string, MessageInHand>()
  const background = new Background()

  const signalLate = async (message: MessageInHand, asking: NewArrival): Promise<OmadsReply | undefined> => {
    for (;;) {
      const { over, cancel } = options.delay(options.afterMs)
      const isLate = await Promise.race([message.done.then(() => false), over.then(() => true)])
      cancel()
      if (!isLate) return undefined
      // Who may not be told now perhaps waits for others of its device, and has not begun yet.
      if ((await message.mayBeSignalled()) && background.take(message)) return message.signal(asking, publicUrl)
    }
  }

  const run: BusySignals['run'] = async (arrival, work) => {
    const { deviceId } = arrival.ids
    const before = begun.get(deviceId)
    // The answer lies in the store when that work is done.
    if (before?.isAskedForBy(arrival)) return (await signalLate(before, arrival)) ?? run(arrival, work)
    const message = new MessageInHand(arrival, work, () => void begun.set(deviceId, message))
    const done = message.done.finally(() => {
      if (begun.get(deviceId) === message) begun.delete(deviceId)
    })
    return (await signalLate(message, arrival)) ?? done
  }
  return { run, settled: () => background.settled() }
}

/** Work whose request was answered already: bounded, since nothing else counts its octets any more (OM-23). */
class Background {
  readonly #ends = new Map<MessageInHand, Promise<void>>()
  #bytes = 0

  /** False if there is no room for `message`. */
  take(message: MessageInHand): boolean {
    if (this.#ends.has(message)) return true
    if (this.#bytes + message.sizeBytes > MAX_BACKGROUND_BYTES) return false
    this.#bytes += message.sizeBytes
    const end = message.done.then(() => {
      this.#bytes -= message.sizeBytes
      this.#ends.delete(message)
    })
    this.#ends.set(message, end)
    return true
  }

  async settled(): Promise<void> {
    await Promise.all(this.#ends.values())
  }
}
