/**
 * A network between the device's session and the server's engine, in memory: requests and answers get lost, arrive
 * twice or late, and the server restarts, as a list of faults says. Without faults it is exact.
 */

import type { Fetch, FetchReply, KeyStore } from '../../device-client/ports.ts'
import type { SessionPorts } from '../../device-client/session/sessionRequest.ts'
import type { OmadsServer } from './omadsPeer.ts'

export type Fault =
  | 'none'
  | 'drop-request'
  | 'drop-answer'
  | 'duplicate'
  | 'busy'
  | 'restart'
  | 'cut-answer'
  | 'twice-at-once'

export interface LossyNetwork {
  readonly fetch: Fetch
  /** Bodies as they passed: what the device sent, and what arrived back. */
  readonly sent: Uint8Array[]
  readonly received: Uint8Array[]
}

/** `faults[n]` happens to the nth request; after the last one nothing goes wrong. */
export function lossyNetwork(server: OmadsServer, faults: readonly Fault[] = []): LossyNetwork {
  const sent: Uint8Array[] = []
  const received: Uint8Array[] = []
  const fetch: Fetch = async (url, init) => {
    const fault = faults[sent.length] ?? 'none'
    const body = init.body ?? new Uint8Array()
    sent.push(body)
    if (fault === 'drop-request') throw new Error('connection lost')
    if (fault === 'busy') return reply(503, '', new Uint8Array())
    if (fault === 'restart') server.restart()
    const { host, pathname, search } = new URL(url)
    const request = {
      bytes: body.slice(),
      contentType: init.headers['content-type'] ?? '',
      url: `${pathname}${search}`,
      host,
      remoteAddress: '127.0.0.1',
    }
    const second = fault === 'twice-at-once' ? server.omads(request) : undefined
    const answer = await server.omads(request)
    await second
    if (fault === 'duplicate') await server.omads(request)
    if (fault === 'restart') server.restart()
    if (fault === 'drop-answer') throw new Error('connection lost')
    if (fault === 'cut-answer')
      return { ...reply(answer.status, '', answer.bytes), bytes: () => Promise.reject(new Error('cut')) }
    received.push(answer.bytes)
    return reply(answer.status, answer.contentType ?? '', answer.bytes)
  }
  return { fetch, sent, received }
}

function reply(status: number, contentType: string, bytes: Uint8Array): FetchReply {
  return { status, header: (name) => (name === 'content-type' ? contentType : null), bytes: async () => bytes }
}

export function memoryKeyStore(): KeyStore {
  const records = new Map<string, Uint8Array>()
  return {
    get: async (key) => records.get(key),
    async set(key, value) {
      records.set(key, value)
    },
    async delete(key) {
      records.delete(key)
    },
  }
}

/** Ports of a session over `network`; sleeping moves the server's clock. */
export function sessionPorts(server: OmadsServer, network: LossyNetwork, keyStore: KeyStore): SessionPorts {
  const silent = () => undefined
  return {
    fetch: network.fetch,
    clock: {
      now: () => server.time,
      sleep: async (ms) => {
        server.time += ms
      },
    },
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    keyStore,
    log: { debug: silent, info: silent, warn: silent },
  }
}
