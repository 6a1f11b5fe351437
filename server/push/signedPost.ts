/** One signed POST to an address of the operator's: the gateway for notifications (PU-6), or for alerts (AL-5). */

import { createHmac } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'

/** Longest time until the status, in milliseconds. */
const TIMEOUT_MS = 10_000

/** Header of the signature: `t=<milliseconds>,v1=<hex>`, HMAC-SHA256 over `<milliseconds>.<body>`. */
export const SIGNATURE_HEADER = 'x-nightferry-signature'

export interface SignedPostOptions {
  readonly url: string
  readonly secret: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Gives up what is being sent when the server stops. */
  readonly stopped: AbortSignal
  /** For tests; 10 s if absent. */
  readonly timeoutMs?: number
}

/** The value of the signature's header. */
export function signBody(secret: string, time: number, body: string): string {
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
}

/** Posts JSON. @throws {CodedError} `network.unreachable` unless it is answered 2xx. */
export async function postSigned(options: SignedPostOptions, body: string): Promise<void> {
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
