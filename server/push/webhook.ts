/**
 * The way through the operator's gateway: one signed POST per notification (PU-6). Whether it comes again is the
 * dispatcher's business.
 */

import type { KnownLogins } from '../catalogue/catalogue.ts'
import { findLogin } from './findLogin.ts'
import { notificationForms } from './notificationForms.ts'
import type { PushPort } from './pushPort.ts'
import { postSigned, type SignedPostOptions } from './signedPost.ts'

export interface WebhookOptions extends SignedPostOptions {
  readonly serverId: string
  readonly pushServerId: string
  readonly knownLogins: Pick<KnownLogins, 'find'>
}

/** Fills the port with POSTs to `options.url`; `push` throws `network.unreachable` unless it is answered 2xx. */
export function createWebhook(options: WebhookOptions): PushPort {
  return {
    async push(notification) {
      const { accountId, deviceId, issuedAt } = notification
      const login = await findLogin(options.knownLogins, notification)
      const forms = notificationForms(notification, { ...options, ha1: login?.ha1 })
      const body = JSON.stringify({
        ...{ accountId, accountName: login?.accountName ?? '', deviceId, issuedAt },
        forms: forms.map(({ octets, ...form }) => ({ ...form, data: Buffer.from(octets).toString('base64') })),
      })
      await postSigned(options, body)
    },
  }
}
