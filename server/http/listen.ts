/**
 * Listens with bounds of time, and stops without cutting what is being answered.
 */

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CodedError } from '../../schemas/errors.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly requestTimeoutMs: number
}

export interface Listening {
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** Takes no more, lets calls in work finish for `graceMs`, then cuts. */
  close(graceMs?: number): Promise<void>
}

const HEADERS_TIMEOUT_MS = 20_000
/** Longer than clients and proxies keep a connection they do not use: who sends on it must not meet our closing it. */
const KEEP_ALIVE_MS = 75_000
/** How often late requests are looked for: Node's own 30 s would let them stay half a minute longer. */
const LATE_CHECK_MS = 1000

/** @throws {CodedError} `config.invalid` if the address cannot be listened on. */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listening> {
  const { requestTimeoutMs } = options
  const headersTimeout = Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs)
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout,
      connectionsCheckingInterval: LATE_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    app,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new CodedError('config.invalid', `cannot listen on ${options.host}:${options.port}`, { cause })),
    )
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${port}`,
    port,
    close: (graceMs = 5000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
