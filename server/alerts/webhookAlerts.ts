/** Alerts by signed POST to an address of the operator's (AL-5): the signature is that of PU-6. */

import { postSigned, type SignedPostOptions } from '../push/signedPost.ts'
import type { AlertPort } from './alert.ts'

/** Fills the port with one POST for all that is due. */
export function createWebhookAlerts(options: SignedPostOptions & { readonly serverId: string }): AlertPort {
  return {
    name: 'webhook',
    pauseMs: 0,
    send: (alerts) => postSigned(options, JSON.stringify({ serverId: options.serverId, alerts })),
  }
}
