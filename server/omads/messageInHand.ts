/** One message while it is worked on: whose it is, who may ask for its answer, and what they are told meanwhile (OM-34). */

import { STATUS } from '../../schemas/syncml/codes.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import { headerStatus, type OmadsReply, ownHeader, toReply } from './answer.ts'
import type { InHand, NewArrival } from './busySignal.ts'
import { busySignalsFor } from './busySignalsFor.ts'
import type { Arrival } from './handleMessage.ts'
import { isResultAlert } from './isResultAlert.ts'
import { respUri, tokenOf } from './locateSession.ts'
import type { ActiveState } from './sessionState.ts'

export class MessageInHand implements InHand {
  /** The reply, once it is made; never fails. */
  readonly done: Promise<OmadsReply>
  readonly #arrival: NewArrival
  readonly #onBegin: () => void
  #session: { readonly state: ActiveState; describe(): Promise<DevInf | undefined> } | undefined
  #signals = 0
  #settled = false

  /** Begins the work; `onBegin` is told when its session is known. */
  constructor(arrival: NewArrival, work: (arrival: Arrival) => Promise<OmadsReply>, onBegin: () => void) {
    this.#arrival = arrival
    this.#onBegin = onBegin
    this.done = work({ ...arrival, inHand: this })
  }

  get sizeBytes(): number {
    return this.#arrival.request.bytes.length
  }

  begin(state: ActiveState, describe: () => Promise<DevInf | undefined>): void {
    this.#session = { state, describe }
    this.#onBegin()
  }

  settle(): boolean {
    this.#settled = true
    return this.#signals > 0
  }

  /** True if `asking` is this very message again, or asks for its answer (Alert 221) from inside the session. */
  isAskedForBy({ ids, request, message }: NewArrival): boolean {
    const { ids: own } = this.#arrival
    if (this.#session === undefined || ids.sessionId !== own.sessionId) return false
    if (ids.msgId === own.msgId) return ids.digest === own.digest
    if (ids.msgId < own.msgId || !isResultAlert(message)) return false
    const { token, remoteAddress } = this.#session.state.identity
    return tokenOf(request) === token || (request.remoteAddress === remoteAddress && message.header.cred === undefined)
  }

  /** False if the client would not understand it, was told as often as it takes, or the answer is about to come. */
  async mayBeSignalled(): Promise<boolean> {
    if (this.#session === undefined || this.#settled || this.#arrival.message.header.noResp) return false
    const described = await this.#session.describe().catch(() => undefined)
    return !this.#settled && this.#signals < busySignalsFor(described)
  }

  /** Status 101 for the SyncHdr of `asking`, nothing else, and no Final (reference 3.12). */
  signal({ message, ids, request, version, encoding }: NewArrival, publicUrl: string | undefined): OmadsReply {
    this.#signals += 1
    const { identity, ownMsgId } = this.#session?.state ?? {}
    const { token = '', serverUri = '' } = identity ?? {}
    const address = tokenOf(request) === token ? {} : { respUri: respUri(request, publicUrl, token) }
    const msgId = (ownMsgId ?? 0) + 1 + ids.msgId - this.#arrival.ids.msgId
    const header = ownHeader(message.header, version, { serverUri, msgId, ...address })
    const status = headerStatus(message.header, STATUS.inProgress)
    return toReply({ header, commands: status ? [status] : [], final: false }, encoding)
  }
}
