/**
 * Listens with bounds of time, and stops without cutting what is being answered.
 */

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_CONNECTIONS } from '../../schemas/limits.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly requestTimeoutMs: number
  /** Connections of one address; 0 or absent: any. Not counted behind a proxy: all are of its address. */
  readonly connectionsPerAddress?: number
  readonly trustProxy?: number
  /** Connections in all; `MAX_CONNECTIONS` if absent. */
  readonly maxConnections?: number
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
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  if (options.trustProxy === undefined || options.trustProxy === 0)
    boundConnections(server, options.connectionsPerAddress ?? 0)
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

/** One address cannot take all connections there are: one too many of it is closed at once (QT-14). */
function boundConnections(server: Server, perAddress: number): void {
  if (perAddress === 0) return
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? ''
    const count = (open.get(address) ?? 0) + 1
    if (count > perAddress) {
      socket.destroy()
      return
    }
    open.set(address, count)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
  })
}
