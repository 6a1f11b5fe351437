/**
 * A device's session against the server's engine in memory: content to send, a sink to receive, and one run.
 */

import type { KeyStore } from '../../device-client/ports.ts'
import { runSession } from '../../device-client/session/runSession.ts'
import type { ItemSink, SessionRequest, Transfer } from '../../device-client/session/sessionRequest.ts'
import { type Fault, lossyNetwork, sessionPorts } from './lossyFetch.ts'
import type { OmadsServer } from './omadsPeer.ts'

export const position = { lineage: 'a'.repeat(32), positions: [{ number: 4, token: 'b'.repeat(32) }] }

export function content(sizeBytes: number, seed = 7): Uint8Array {
  return new Uint8Array(sizeBytes).map((_, i) => (i * seed + (i >> 8)) & 0xff)
}

export function sending(bytes: Uint8Array, type: 202 | 203 = 203, piece = 1000): Transfer {
  return {
    kind: 'send',
    type,
    item: {
      luid: 'delta',
      type: 'application/octet-stream',
      sizeBytes: bytes.length,
      async *open(offset) {
        for (let at = offset; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
      },
    },
  }
}

export function receiving(): { transfer: Transfer; items: Map<string, Uint8Array>; aborted: string[] } {
  const items = new Map<string, Uint8Array>()
  const aborted: string[] = []
  const sink: ItemSink = {
    async begin({ id }) {
      const parts: Uint8Array[] = []
      return {
        write: async (bytes) => {
          parts.push(bytes.slice())
        },
        finish: async () => {
          items.set(id, new Uint8Array(Buffer.concat(parts)))
          return 201
        },
        abort: async () => {
          aborted.push(id)
        },
      }
    },
  }
  return { transfer: { kind: 'receive', type: 205, sink }, items, aborted }
}

export function requestOf(transfer: Transfer, more: Partial<SessionRequest> = {}): SessionRequest {
  return {
    serverUrl: 'http://sync.example/omads',
    userName: 'alice',
    secret: 'secret',
    deviceId: 'dev-1',
    datastore: './databases/app',
    localUri: './databases/app',
    next: '7',
    position,
    transfer,
    ...more,
  }
}

export async function run(
  server: OmadsServer,
  request: SessionRequest,
  keyStore: KeyStore,
  faults: readonly Fault[] = [],
) {
  const network = lossyNetwork(server, faults)
  const result = await runSession(sessionPorts(server, network, keyStore), request)
  return { result, network }
}

export function stored(server: OmadsServer): Buffer {
  return Buffer.from(server.store.items.get('acc-alice/delta')?.bytes ?? new Uint8Array())
}
