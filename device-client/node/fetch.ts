/**
 * HTTP exchanges on Node by `node:http` with connections kept open. Measured against the built-in `fetch`: 20 instead
 * of 34 ms until the first answer of a process, 0.25 instead of 0.6 ms per exchange after it.
 */

import http from 'node:http'
import https from 'node:https'
import { CodedError } from '../../schemas/errors.ts'
import type { Fetch, FetchInit, FetchReply } from '../ports.ts'

export interface NodeFetchOptions {
  /** Longest silence of the peer, in milliseconds: applying a large Delta takes its time. Default 120 000. */
  readonly idleTimeoutMs?: number
  /** Longest time until a connection stands, in milliseconds. Default 10 000. */
  readonly connectTimeoutMs?: number
  /** Largest body accepted, in octets. Default 64 MiB. */
  readonly maxReplyBytes?: number
  /** The address of this device that connections go out from: it says which link they take. */
  readonly localAddress?: string
}

type Limits = Required<Omit<NodeFetchOptions, 'localAddress'>>

interface Agents {
  readonly plain: http.Agent
  readonly tls: https.Agent
}

/**
 * Fills the port `Fetch`; `close` ends the connections that are kept open.
 * What goes wrong before a whole answer is there is `network.unreachable`; a body above the limit is
 * `protocol.too-large`.
 */
export function createNodeFetch(options: NodeFetchOptions = {}): { readonly fetch: Fetch; close(): void } {
  const limits: Limits = {
    idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    maxReplyBytes: options.maxReplyBytes ?? 64 * 1024 * 1024,
  }
  const from = options.localAddress === undefined ? {} : { localAddress: options.localAddress }
  const agents: Agents = {
    plain: new http.Agent({ keepAlive: true, maxSockets: 8, ...from }),
    tls: new https.Agent({ keepAlive: true, maxSockets: 8, ...from }),
  }
  return {
    fetch: async (url, init) => {
      try {
        return await exchange(url, init, limits, agents)
      } catch (cause) {
        // A kept connection may have been closed by the peer just before we used it: nothing was answered on it.
        if (cause instanceof StaleConnectionError) return await exchange(url, init, limits, agents)
        throw cause
      }
    },
    close: () => {
      agents.plain.destroy()
      agents.tls.destroy()
    },
  }
}

class StaleConnectionError extends CodedError {}

function exchange(url: string, init: FetchInit, limits: Limits, agents: Agents): Promise<FetchReply> {
  return new Promise((fulfil, reject) => {
    if (init.signal?.aborted === true) {
      reject(new CodedError('network.unreachable', 'the exchange was given up', { fields: { url } }))
      return
    }
    const target = parseUrl(url)
    const tls = target.protocol === 'https:'
    const headers: Record<string, string | number> = { ...init.headers }
    if (init.body !== undefined) headers['content-length'] = init.body.length
    const request = (tls ? https : http).request(target, {
      method: init.method,
      headers,
      agent: tls ? agents.tls : agents.plain,
      timeout: limits.idleTimeoutMs,
    })
    const connecting = setTimeout(
      () => request.destroy(new Error(`no connection within ${limits.connectTimeoutMs} ms`)),
      limits.connectTimeoutMs,
    )
    request.on('socket', (socket) => {
      const stop = () => clearTimeout(connecting)
      if (socket.connecting) socket.once(tls ? 'secureConnect' : 'connect', stop)
      else stop()
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${limits.idleTimeoutMs} ms`)))
    request.on('error', (cause) => reject(unreachable(target, cause, request.reusedSocket)))
    request.on('close', () => clearTimeout(connecting))
    request.on('response', (response) => {
      readBody(response, limits.maxReplyBytes, init).then(
        (body) => fulfil(replyOf(response, body)),
        (cause) => {
          request.destroy()
          reject(cause instanceof CodedError ? cause : unreachable(target, cause, false))
        },
      )
    })
    request.end(init.body)
  })
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed
  throw new CodedError('config.invalid', `not an http or https address: ${url}`, {
    next: 'Give the server as http://host:port or https://host.',
  })
}

async function readBody(response: http.IncomingMessage, maxBytes: number, init: FetchInit): Promise<Uint8Array> {
  // A length that is told saves joining the pieces; one that lies is met by the pieces themselves.
  const toldBytes = Number(response.headers['content-length'] ?? 0)
  let body = Buffer.allocUnsafeSlow(Math.min(Number.isSafeInteger(toldBytes) ? toldBytes : 0, maxBytes))
  let total = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    const end = total + chunk.length
    if (end > maxBytes) {
      throw new CodedError('protocol.too-large', `the answer is larger than ${maxBytes} bytes`, {
        fields: { maxBytes },
      })
    }
    if (init.signal?.aborted === true) throw new CodedError('network.unreachable', 'the exchange was given up')
    if (end > body.length) body = Buffer.concat([body], Math.min(maxBytes, 2 * end))
    init.onChunk?.(chunk.length)
    body.set(chunk, total)
    total = end
  }
  return new Uint8Array(body.buffer, body.byteOffset, total)
}

function replyOf(response: http.IncomingMessage, body: Uint8Array): FetchReply {
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name.toLowerCase()]
      return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
    },
    bytes: async () => body,
  }
}

function unreachable(target: URL, cause: unknown, reusedSocket: boolean): CodedError {
  const reset = cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE')
  const ErrorClass = reusedSocket && reset ? StaleConnectionError : CodedError
  return new ErrorClass('network.unreachable', `${target.origin} does not answer`, {
    cause,
    next: 'Check that the server runs and that this address is right.',
    fields: { origin: target.origin },
  })
}
