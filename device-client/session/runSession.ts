/**
 * One OMA-DS session of the device with one datastore: gives one Item (202, 203) or takes all (205).
 */

import { Conversation } from './conversation.ts'
import { receiveItems } from './receiveItems.ts'
import { sendItem } from './sendItem.ts'
import type { SessionPorts, SessionProgress, SessionRequest, SessionResult } from './sessionRequest.ts'

/**
 * Runs the session to its end. The next nonce and the server's limits are remembered on the way, durably, so that a
 * small nightly transfer is one exchange (DC-11).
 *
 * @throws {CodedError} `network.unreachable` after repeated tries (DC-12); `protocol.malformed` or
 * `protocol.too-large` if the server breaks the protocol; what content, sink or key store throw.
 */
export async function runSession(
  ports: SessionPorts,
  request: SessionRequest,
  onProgress: (progress: SessionProgress) => void = () => undefined,
): Promise<SessionResult> {
  const conversation = await Conversation.start(ports, request)
  const { transfer } = request
  const { outcome, status, alert, itemStatus } =
    transfer.kind === 'send'
      ? await sendItem(conversation, transfer, onProgress)
      : await receiveItems(conversation, transfer, onProgress)
  return {
    outcome,
    status,
    alertStatus: alert?.status,
    itemStatus,
    serverPosition: alert?.position,
    ...conversation.traffic,
  }
}
