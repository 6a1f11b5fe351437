/** The forms of one notification, for a gateway that knows what its device reads (PU-8). */

import { alertedMessage } from '../../schemas/syncml/alertedMessage.ts'
import { contentTypeOf, encodeMessage } from '../../schemas/syncml/codec.ts'
import { encodeNotification, NOTIFICATION_TYPE } from '../../schemas/syncml/notification.ts'
import { encodeWakeUp } from '../../schemas/syncml/wakeUp.ts'
import type { IssuedNotification } from './notifications.ts'

export interface NotificationForm {
  /** Version of SyncML whose clients read it. */
  readonly version: '1.1' | '1.2'
  readonly type: string
  /** `device`: by the secret of our own agent. `none`: zeros, or no place for one. */
  readonly digest: 'device' | 'none'
  readonly octets: Uint8Array
}

export interface FormParts {
  /** Our own id, which agents know. */
  readonly serverId: string
  /** The id under which clients of others know this server. */
  readonly pushServerId: string
  /** `H(user:secret)` of the device in base64. */
  readonly ha1: string | undefined
}

/** All forms, the likeliest first: our agent's, 1.2, and 1.1 if a datastore is named. */
export function notificationForms(notification: IssuedNotification, parts: FormParts): readonly NotificationForm[] {
  const { sessionId, issuedAt, syncs, deviceId } = notification
  const own = encodeWakeUp({ serverId: parts.serverId, sessionId, issuedAt, syncs }, parts.ha1)
  const foreign = { sessionId, serverId: parts.pushServerId, syncs }
  const plain = encodeNotification({ ...foreign, version: 12, uiMode: 'background', initiator: 'server' })
  const before12 = alertedMessage({ ...foreign, version: '1.1', deviceId })
  return [
    { version: '1.2', type: NOTIFICATION_TYPE, digest: parts.ha1 === undefined ? 'none' : 'device', octets: own },
    { version: '1.2', type: NOTIFICATION_TYPE, digest: 'none', octets: plain },
    ...(syncs.length === 0 ? [] : (['wbxml', 'xml'] as const)).map(
      (encoding): NotificationForm => ({
        version: '1.1',
        type: contentTypeOf(encoding),
        digest: 'none',
        octets: encodeMessage(before12, encoding),
      }),
    ),
  ]
}
