/** HTTP exchanges by the page's own `fetch`. */

import { CodedError } from '../../schemas/errors.ts'
import type { Fetch, FetchReply } from '../ports.ts'

/**
 * Fills the port `Fetch`. What goes wrong before a whole answer is there is `network.unreachable`.
 *
 * @param timeoutMs Longest time for one exchange; applying a large Delta takes its time.
 */
export function createBrowserFetch(timeoutMs = 120_000): Fetch {
  return async (url, init) => {
    if (init.signal?.aborted === true) throw unreachable(url, undefined)
    try {
      const response = await fetch(url, {
        method: init.method,
        headers: { ...init.headers },
        body: init.body === undefined ? null : new Blob([init.body.slice()]),
        signal: AbortSignal.timeout(timeoutMs),
        // The client carries its own credentials; the page's cookies are none of the server's business.
        credentials: 'omit',
        cache: 'no-store',
      })
      return replyOf(response, new Uint8Array(await response.arrayBuffer()))
    } catch (cause) {
      throw unreachable(url, cause)
    }
  }
}

function replyOf(response: Response, body: Uint8Array): FetchReply {
  return { status: response.status, header: (name) => response.headers.get(name), bytes: async () => body }
}

function unreachable(url: string, cause: unknown): CodedError {
  return new CodedError('network.unreachable', `${new URL(url).origin} does not answer`, { cause })
}
