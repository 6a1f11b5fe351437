/**
 * Peers of a Delivery on Node: HTTP over TLS 1.3 with the key of each pair (PSK with (EC)DHE), on a free port of the
 * addresses given, or of all interfaces (DV-3).
 */

import { once } from 'node:events'
import type http from 'node:http'
import https from 'node:https'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { TLSSocket } from 'node:tls'
import { PACKET_HEADER } from '../../schemas/delivery/packetHeader.ts'
import { MAX_WAITING_BYTES } from '../../schemas/delivery/peerMessage.ts'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DEVICE_ADDRESSES, SEGMENT_RANGE_BYTES } from '../../schemas/limits.ts'
import { MAX_FRAME_OVERHEAD_BYTES, MAX_SIGNED_MAP_CHARS } from '../../schemas/restore/segmentMap.ts'
import type { OpenPeerNetwork, PeerEnd, PeerHost, PeerReply, PeerRequest } from '../peers/peerNetwork.ts'

const TLS = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384' } as const
/** How long a peer may say nothing: on a local network it is away then. */
const SILENCE_MS = 5000
/** All addresses, of both families. */
const EVERYWHERE = '::'
const MAX_CONNECTIONS = 256
/** Connections to one address of a peer. */
const MAX_SOCKETS = 5
const MAX_REPLY_BYTES = Math.max(SEGMENT_RANGE_BYTES + 2 * MAX_FRAME_OVERHEAD_BYTES, MAX_SIGNED_MAP_CHARS)
const PATHS = { waiting: '/waiting', map: '/map', segment: '/segments/' } as const

/** @throws {CodedError} `config.invalid` if an address is none of this device. */
export const openPeerSockets: OpenPeerNetwork = async (host, { listen, port }) => {
  const servers: https.Server[] = []
  const bound: string[] = []
  const agents = new Map<string, https.Agent>()
  const close = async (): Promise<void> => {
    for (const agent of agents.values()) agent.destroy()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
  try {
    for (const address of listen.length > 0 ? listen : [EVERYWHERE]) {
      const server = createServer(host)
      servers.push(server)
      server.listen({ port, host: address })
      await once(server, 'listening')
      const { port: taken } = server.address() as AddressInfo
      const reached = address === EVERYWHERE ? ownAddresses() : [address]
      bound.push(...reached.map((each) => `${isIPv6(each) ? `[${each}]` : each}:${taken}`))
    }
  } catch (cause) {
    await close()
    throw new CodedError('config.invalid', `no peer can be listened for at ${listen.join(', ') || 'any address'}`, {
      cause,
      next: 'Give an address of this device with --listen, and a free port with --peer-port.',
    })
  }
  const addresses = bound.slice(0, MAX_DEVICE_ADDRESSES)
  return { addresses, ask: (peer, request) => ask(host, agents, peer, request), close }
}

function createServer(host: PeerHost): https.Server {
  const peers = new WeakMap<Socket, string>()
  const server = https.createServer({
    ...TLS,
    handshakeTimeout: SILENCE_MS,
    pskCallback: (socket: TLSSocket, identity: string) => {
      const key = host.keyOf(identity)
      if (key === undefined) return null
      peers.set(socket, identity)
      return Buffer.from(key)
    },
  })
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(12 * SILENCE_MS)
  server.on('request', (request, response) => {
    reply(host, peers.get(request.socket), request, response).catch(() => response.destroy())
  })
  // Whoever knocks without the key of a peer is not answered; there is nobody to tell.
  server.on('tlsClientError', () => undefined)
  return server
}

/** Addresses that other devices of the network may reach. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
}

async function reply(
  host: PeerHost,
  peerId: string | undefined,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const asked = await readRequest(request)
  const answer: PeerReply | undefined =
    peerId === undefined || asked === undefined ? undefined : await host.answer(peerId, asked)
  const body = answer?.body ?? new Uint8Array()
  response.writeHead(answer?.status ?? 404, {
    'content-length': body.length,
    ...(answer?.packet !== undefined && { [PACKET_HEADER]: answer.packet }),
  })
  response.end(body)
}

async function readRequest(request: http.IncomingMessage): Promise<PeerRequest | undefined> {
  const { method, url = '' } = request
  if (method === 'POST' && url === PATHS.waiting) {
    const body = await readBody(request, MAX_WAITING_BYTES)
    return { what: 'waiting', body }
  }
  if (method === 'GET' && url === PATHS.map) return { what: 'map' }
  const [, number] = /^\/segments\/(\d{1,9})$/.exec(url) ?? []
  return method === 'GET' && number !== undefined ? { what: 'segment', segment: Number(number) } : undefined
}

function ask(host: PeerHost, agents: Map<string, https.Agent>, peer: PeerEnd, asked: PeerRequest): Promise<PeerReply> {
  const name = `${peer.peerId} ${peer.address} ${Buffer.from(peer.key).toString('base64')}`
  const agent = agents.get(name) ?? agentFor(host, peer)
  agents.set(name, agent)
  const { hostname, port } = new URL(`https://${peer.address}`)
  const path = asked.what === 'segment' ? `${PATHS.segment}${asked.segment}` : PATHS[asked.what]
  return new Promise((resolve, reject) => {
    const away = (cause: unknown): void =>
      reject(new CodedError('network.unreachable', `the peer at ${peer.address} does not answer`, { cause }))
    const request = https.request({
      agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      method: asked.body === undefined ? 'GET' : 'POST',
      ...(asked.body !== undefined && { headers: { 'content-length': asked.body.length } }),
    })
    // Also while it connects or waits for a connection, when a request that is destroyed says nothing.
    const silence = setTimeout(() => {
      away(new Error('silence'))
      request.destroy()
    }, SILENCE_MS)
    request.on('error', away)
    request.on('response', (response) => {
      readBody(response, MAX_REPLY_BYTES, () => silence.refresh()).then((body) => {
        clearTimeout(silence)
        const packet = response.headers[PACKET_HEADER]
        const status = response.statusCode === 200 ? 200 : 404
        resolve({ status, body, ...(typeof packet === 'string' && { packet }) })
      }, away)
    })
    request.end(asked.body)
  })
}

function agentFor(host: PeerHost, { key }: PeerEnd): https.Agent {
  return new https.Agent({
    ...TLS,
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    // Each connection proves itself anew: a peer that is not named any more has no ticket to come back with.
    maxCachedSessions: 0,
    // The key proves who it is; there is no certificate.
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: Buffer.from(key), identity: host.ownId() }),
  } as https.AgentOptions)
}

async function readBody(
  message: http.IncomingMessage,
  maxBytes: number,
  onPiece: () => void = () => undefined,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let total = 0
  for await (const piece of message as AsyncIterable<Uint8Array>) {
    total += piece.length
    onPiece()
    if (total > maxBytes) {
      message.destroy()
      throw new CodedError('protocol.too-large', `a peer sent more than ${maxBytes} octets`)
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces, total)
}
