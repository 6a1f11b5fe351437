/**
 * The way through the operator's gateway: one signed POST per notification (PU-6). Whether it comes again is the
 * dispatcher's business.
 */

import { createHmac } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import type { KnownLogins } from '../catalogue/catalogue.ts'
import { findLogin } from './findLogin.ts'
import { notificationForms } from './notificationForms.ts'
import type { PushPort } from './pushPort.ts'

/** Longest time until the gateway's status, in milliseconds. */
const TIMEOUT_MS = 10_000

/** Header of the signature: `t=<milliseconds>,v1=<hex>`, HMAC-SHA256 over `<milliseconds>.<body>`. */
export const SIGNATURE_HEADER = 'x-nightferry-signature'

export interface WebhookOptions {
  readonly url: string
  readonly secret: string
  readonly serverId: string
  readonly pushServerId: string
  readonly knownLogins: Pick<KnownLogins, 'find'>
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Gives up what is being sent when the server stops. */
  readonly stopped: AbortSignal
  /** For tests; 10 s if absent. */
  readonly timeoutMs?: number
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
      await post(options, body)
    },
  }
}

/** The value of the signature's header. */
export function signBody(secret: string, time: number, body: string): string {
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
}

async function post(options: WebhookOptions, body: string): Promise<void> {
  const { url, secret, clock, stopped, timeoutMs = TIMEOUT_MS } = options
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
  const headers = { 'content-type': 'application/json', [SIGNATURE_HEADER]: signBody(secret, clock(), body) }
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  } catch (cause) {
    throw new CodedError('network.unreachable', 'the gateway does not answer', { cause })
  }
  // Whatever it says beyond its status is not ours to read.
  await response.body?.cancel().catch(() => undefined)
  if (response.status >= 200 && response.status < 300) return
  throw new CodedError('network.unreachable', `the gateway answers ${response.status}`, {
    fields: { status: response.status },
  })
}
