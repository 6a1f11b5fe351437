/**
 * The notification of SyncML 1.0 and 1.1: a message that holds Alerts 206 to 210. Rule WF-27.
 * Reference: SyncML Sync Protocol 1.1 chapter 8; oma-ds.md 8.5.
 */

import type { Command, Item, Message } from './message.ts'
import { type AlertedSync, contentTypeOfNumber } from './notification.ts'

/** What such a message is made of. */
export interface AlertedMessage {
  readonly version: '1.0' | '1.1'
  /** The device's own id; `/` if it is not known. */
  readonly deviceId: string
  readonly serverId: string
  readonly sessionId: number
  /** One Alert each; at least one. */
  readonly syncs: readonly AlertedSync[]
}

/** The message, to be encoded like any other. */
export function alertedMessage({ version, deviceId, serverId, sessionId, syncs }: AlertedMessage): Message {
  return {
    header: {
      verDtd: version,
      verProto: `SyncML/${version}`,
      sessionId: String(sessionId),
      msgId: '1',
      target: { locUri: deviceId },
      source: { locUri: serverId },
    },
    // S60 reads the first Item of each Alert only.
    commands: syncs.map(
      (sync, index): Command => ({
        name: 'Alert',
        cmdId: String(index + 1),
        data: String(sync.type),
        items: [itemOf(sync)],
      }),
    ),
    final: true,
  }
}

function itemOf({ serverUri, contentType }: AlertedSync): Item {
  const type = contentTypeOfNumber(contentType)
  return { source: { locUri: serverUri }, ...(type !== undefined && { meta: { type } }) }
}
