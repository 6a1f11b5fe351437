/**
 * What a session hears beside the protocol (WF-36): a `Fetch` that says when this device comes next and notes what the
 * server advises, and what a refusal means by that. Rules DC-120, DC-123.
 */

import { formatBytes } from '../../schemas/cli/formatTable.ts'
import { CodedError } from '../../schemas/errors.ts'
import {
  ADVICE_HEADER,
  type Advice,
  formatWindow,
  parseAdvice,
  type QuotaUse,
  type RunWindow,
  WINDOW_HEADER,
} from '../../schemas/http/advice.ts'
import type { Fetch } from '../ports.ts'

export interface AdvisedFetch {
  readonly fetch: Fetch
  /** What was advised last, part by part. */
  advice(): Advice
  /** Tells it, if an answer came: one without advice takes back what was advised before. */
  tell(listener: ((advice: Advice) => void) | undefined): void
}

/** `fetch` that tells `window`, if there is one. */
export function listenToAdvice(fetch: Fetch, window: RunWindow | undefined): AdvisedFetch {
  let heard: Advice | undefined
  return {
    advice: () => heard ?? {},
    tell: (listener) => heard && listener?.(heard),
    fetch: async (url, init) => {
      const headers = window === undefined ? init.headers : { ...init.headers, [WINDOW_HEADER]: formatWindow(window) }
      const reply = await fetch(url, { ...init, headers })
      const text = reply.header(ADVICE_HEADER)
      heard = { ...heard, ...parseAdvice(text ?? '') }
      return reply
    },
  }
}

/** What was to be stored. */
export interface RefusedUpload {
  /** Statuses that refused it: of the session and of the Item. */
  readonly statuses: readonly (number | undefined)[]
  /** Compressed octets. */
  readonly sizeBytes: number
}

const NEXT = 'Ask the operator for more, or remove what is not needed; what is backed up stays.'

/** The quota that a refusal is about; undefined if it is about none, as far as the server said. */
export function quotaError(advice: Advice, { statuses, sizeBytes }: RefusedUpload): CodedError | undefined {
  const isOne = (...codes: number[]): boolean =>
    statuses.some((status) => status !== undefined && codes.includes(status))
  const { stored, databases, sessions, uploadBytes } = advice
  if (isOne(417) && sessions) return exceeded(sessions, `${sessions.used} sessions of ${sessions.limit} in an hour`)
  if (isOne(413, 416)) {
    if (uploadBytes !== undefined && sizeBytes > uploadBytes) {
      const what = `an upload of ${formatBytes(sizeBytes)}, of at most ${formatBytes(uploadBytes)}`
      return exceeded({ used: sizeBytes, limit: uploadBytes, of: 'device' }, what)
    }
    if (stored && stored.used + sizeBytes > stored.limit)
      return exceeded(stored, `${formatBytes(sizeBytes)} more than the ${describeStored(stored)}`)
  }
  if (!isOne(420)) return undefined
  if (databases && !(stored && stored.used >= stored.limit))
    return exceeded(databases, `${databases.used} databases of ${databases.limit} of the ${databases.of}`)
  return stored && exceeded(stored, describeStored(stored))
}

/** `950 MB of 1.0 GB of the account`. */
export function describeStored({ used, limit, of }: QuotaUse): string {
  return `${formatBytes(used)} of ${formatBytes(limit)} of the ${of}`
}

function exceeded({ used, limit, of }: QuotaUse, what: string): CodedError {
  return new CodedError('quota.exceeded', `the quota is used up: ${what}`, { next: NEXT, fields: { used, limit, of } })
}
