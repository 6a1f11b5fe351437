/**
 * Peers that lie, and those that have no business here: real sockets, a real server, and a device of the test's own that
 * joined a Delivery and plays foul.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect as connectPlain, createServer } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { CompactSign, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyDeliveryMap } from '../../../device-client/delivery/verifyDeliveryMap.ts'
import { openPeerSockets } from '../../../device-client/node/peerSockets.ts'
import type { PeerHost, PeerListening, PeerReply } from '../../../device-client/peers/peerNetwork.ts'
import { formatPacketHeader } from '../../../schemas/delivery/packetHeader.ts'
import { decodeDataWaiting, encodeDataWaiting } from '../../../schemas/delivery/peerMessage.ts'
import { fromHex } from '../../../schemas/hex.ts'
import type { DeliverySummary, DeliveryTicket } from '../../../schemas/http/deliveries.ts'
import { readSignedMap } from '../../../server/restore/signSegmentMap.ts'
import {
  call,
  openSharedDelivery,
  type SharedDelivery,
  type SharingDevice,
  sha256Of,
} from '../../support/sharedDelivery.ts'

let shared: SharedDelivery
let foul: { readonly deviceId: string; readonly token: string }
beforeAll(async () => {
  shared = await openSharedDelivery(['phone', 'tablet'], 3)
  const deviceId = `foul-${randomUUID()}`
  const owner = await shared.owner()
  const added = await call(shared.server, 'POST', '/accounts/devices', owner, { name: 'foul', deviceId })
  const { secret } = added as { secret: string }
  const login = await call(shared.server, 'POST', '/accounts/devices/login', undefined, { deviceId, secret })
  foul = { deviceId, token: (login as { accessToken: string }).accessToken }
})
afterAll(() => shared.close())

const KEY = randomBytes(32)
const NOTHING: PeerReply = { status: 404, body: new Uint8Array() }

function hostOf(parts: Partial<PeerHost> = {}): PeerHost {
  return { ownId: () => 'me', keyOf: (id) => (id === 'me' ? KEY : undefined), answer: async () => NOTHING, ...parts }
}

const listenAt = (host: PeerHost): Promise<PeerListening> => openPeerSockets(host, { listen: ['127.0.0.1'], port: 0 })

/** Joins with the device of the test, which is reached at `addresses`. */
const joinFoul = async (delivery: DeliverySummary, addresses: readonly string[]): Promise<DeliveryTicket> => {
  const links = [{ linkId: 'a', type: 'wifi', givenBytesPerSecond: 1e6 }]
  const body = { syncEnabled: true, links, networks: [], place: 'home', addresses, held: [] }
  return (await call(
    shared.server,
    'POST',
    `/api/v1/deliveries/${delivery.deliveryId}/join`,
    foul.token,
    body,
  )) as DeliveryTicket
}

const join = ({ agent, path }: SharingDevice, { deliveryId }: DeliverySummary, run: string) =>
  agent.start('deliver', 'join', deliveryId, '--to', `${path}.${run}`, '--place', 'home', '--listen', '127.0.0.1')

async function orderWithFoul(device: SharingDevice): Promise<DeliverySummary> {
  const named = { name: 'foul', path: '', agent: device.agent, deviceId: foul.deviceId }
  return shared.order([device, named])
}

describe('sockets of peers', () => {
  it('[DV-3, WF-42] answer who has the key of the pair, and nobody else', async () => {
    const listening = await listenAt(
      hostOf({ answer: async (peerId, { what }) => ({ status: 200, body: Buffer.from(`${peerId} ${what}`) }) }),
    )
    const [address = ''] = listening.addresses
    const peer = { address, peerId: 'me', key: KEY }
    const reply = await listening.ask(peer, { what: 'map' })
    expect(Buffer.from(reply.body).toString()).toBe('me map')
    const refused = { code: 'network.unreachable' }
    await expect(
      listening.ask({ ...peer, peerId: 'other', key: randomBytes(32) }, { what: 'map' }),
    ).rejects.toMatchObject(refused)
    const stranger = await listenAt(hostOf({ ownId: () => 'stranger' }))
    await expect(stranger.ask(peer, { what: 'map' })).rejects.toMatchObject(refused)
    await stranger.close()
    // Without TLS, and with TLS but without a key.
    const port = Number(address.split(':')[1])
    const plain = connectPlain(port, '127.0.0.1')
    plain.on('error', () => undefined)
    plain.write('GET /map HTTP/1.1\r\nhost: x\r\n\r\n')
    const heard: Uint8Array[] = []
    plain.on('data', (piece) => void heard.push(piece))
    await once(plain, 'close')
    expect(Buffer.concat(heard).toString('latin1')).not.toContain('HTTP/1.1 200')
    const bare: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await expect(once(bare, 'secureConnect')).rejects.toThrow()
    await listening.close()
  })

  it('[DV-3] know a peer that answers in the place of another', async () => {
    // It listens where the peer was, and has a key of its own making.
    const impostor = await listenAt(hostOf({ keyOf: () => randomBytes(32) }))
    const asking = await listenAt(hostOf())
    const [address = ''] = impostor.addresses
    await expect(asking.ask({ address, peerId: 'p', key: KEY }, { what: 'map' })).rejects.toMatchObject({
      code: 'network.unreachable',
    })
    await Promise.all([impostor.close(), asking.close()])
  })

  it('[DV-5] one that takes the call and says nothing is away within seconds', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const asking = await listenAt(hostOf())
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const from = performance.now()
    await expect(asking.ask({ address, peerId: 'p', key: KEY }, { what: 'map' })).rejects.toMatchObject({
      code: 'network.unreachable',
    })
    expect(performance.now() - from).toBeLessThan(10_000)
    await asking.close()
    silent.close()
  })
})

describe('a peer that plays foul', () => {
  /** Says that it holds everything, with a map that is right, and gives `segment` for each. */
  async function play(
    device: SharingDevice,
    run: string,
    segment: (ticket: DeliveryTicket, number: number) => PeerReply,
    mapOf: (signed: string) => string | Promise<string> = (signed) => signed,
  ) {
    const delivery = await orderWithFoul(device)
    let ticket: DeliveryTicket | undefined
    const asked: string[] = []
    const host: PeerHost = {
      ownId: () => ticket?.peerId ?? '',
      keyOf: (peerId) => {
        const key = ticket?.news.peers.find((peer) => peer.peerId === peerId)?.key
        return key === undefined ? undefined : fromHex(key)
      },
      answer: async (_peerId, request) => {
        asked.push(request.what)
        if (ticket === undefined) return NOTHING
        const map = readSignedMap(ticket.segmentMap)
        const { deliveryId } = ticket
        if (request.what === 'waiting') {
          expect(decodeDataWaiting(request.body ?? new Uint8Array())).toBeDefined()
          const held = [[0, map.segments.length]] as const
          return { status: 200, body: encodeDataWaiting({ deliveryId, dataSetId: map.imageId, revision: 1, held }) }
        }
        if (request.what === 'map') return { status: 200, body: Buffer.from(await mapOf(ticket.news.map ?? '')) }
        return segment(ticket, request.segment ?? 0)
      },
    }
    const listening = await listenAt(host)
    const running = join(device, delivery, run)
    // The agent joins first, so that its peer's key comes with this ticket.
    for (let tries = 0; tries < 100; tries++) {
      const { devices } = await shared.status(delivery.deliveryId)
      if (devices.some(({ deviceId, state }) => deviceId === device.deviceId && state !== 'absent')) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    ticket = await joinFoul(delivery, listening.addresses)
    const leaves = setTimeout(
      () =>
        void call(shared.server, 'POST', `/api/v1/deliveries/${delivery.deliveryId}/leave`, foul.token).catch(
          () => undefined,
        ),
      4000,
    )
    const answer = await running.ended
    clearTimeout(leaves)
    await listening.close()
    return { answer, asked, path: `${device.path}.${run}` }
  }

  const packetOf = (ticket: DeliveryTicket, segment: number, serverId = ticket.serverId): string => {
    const set = readSignedMap(ticket.segmentMap).imageId
    return formatPacketHeader({ segment, set, server: serverId, position: 0, made: 1, sent: 1 })
  }

  it('[DV-5] with garbage in place of segments is asked once more by nobody, and the file is whole', async () => {
    const [phone] = shared.devices as [SharingDevice]
    const { answer, asked, path } = await play(phone, 'garbage', (ticket, number) => ({
      status: 200,
      body: randomBytes(readSignedMap(ticket.segmentMap).segments[number]?.sizeBytes ?? 0),
      packet: packetOf(ticket, number),
    }))
    expect([answer.exitCode, answer.report.peerBytes]).toEqual([0, 0])
    expect(sha256Of(path)).toBe(answer.report.sha256)
    expect(asked.filter((what) => what === 'segment').length).toBeLessThanOrEqual(4)
    expect(answer.stderr).toContain('not believed')
  })

  it('[DV-5, WF-41] with packets of another server, or maps that somebody else signed, neither', async () => {
    const [, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const foreign = await play(tablet, 'foreign', (ticket, number) => ({
      ...{ status: 200, body: new Uint8Array(9) },
      packet: packetOf(ticket, number, 'nightferry-elsewhere'),
    }))
    expect([foreign.answer.exitCode, foreign.answer.report.peerBytes]).toEqual([0, 0])
    const { privateKey } = await generateKeyPair('EdDSA')
    const forge = async (signed: string): Promise<string> => {
      const [head = '', payload = ''] = signed.split('.')
      const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: 'EdDSA' }
      return new CompactSign(Buffer.from(payload, 'base64url')).setProtectedHeader(header).sign(privateKey)
    }
    const forged = await play(tablet, 'forged', () => NOTHING, forge)
    expect([forged.answer.exitCode, forged.answer.report.peerBytes]).toEqual([0, 0])
    expect(forged.asked).not.toContain('segment')
    expect(forged.answer.stderr).toContain('not believed')
  })
})

describe('the map of a Delivery', () => {
  it('[DV-2] counts only if its own server signed it, for this Delivery, image and device', async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const { exportJWK } = await import('jose')
    const { createHash } = await import('node:crypto')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA' }
    const segmentMap = 'a.b.c'
    const map = {
      ...{ version: 1, deliveryId: 'd', dataSetId: 'i', serverId: 's', revision: 3, isFinal: false, createdAt: 1 },
      segmentMap: createHash('sha256').update(segmentMap).digest('hex'),
      validationKey: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, kid: 'k', alg: 'EdDSA' },
      strategy: 'half',
      characteristics: {
        ...{ sizeBytes: 1, objects: 1, segments: 1, smallestBytes: 1, largestBytes: 1 },
        ...{ types: { database: 1 }, priorities: { 5: 1 } },
      },
      devices: ['me'],
      assignments: [],
    }
    const sign = (statement: object, typ = 'nightferry-delivery-map+jws') =>
      new CompactSign(Buffer.from(JSON.stringify(statement)))
        .setProtectedHeader({ alg: 'EdDSA', kid: 'k', typ })
        .sign(privateKey)
    const expected = { deliveryId: 'd', serverId: 's', deviceId: 'me', segmentMap, trustedKeys: [jwk] }
    expect(await verifyDeliveryMap(await sign(map), expected)).toEqual(map)
    for (const wrong of [
      { ...map, serverId: 'other' },
      { ...map, deliveryId: 'other' },
      { ...map, segmentMap: 'ab'.repeat(32) },
      { ...map, devices: ['you'] },
      { ...map, validationKey: { ...map.validationKey, x: 'other' } },
    ])
      await expect(verifyDeliveryMap(await sign(wrong), expected)).rejects.toMatchObject({ code: 'integrity.mismatch' })
    await expect(verifyDeliveryMap(await sign(map, 'nightferry-segment-map+jws'), expected)).rejects.toMatchObject({
      code: 'protocol.malformed',
    })
    const strange = { ...expected, trustedKeys: [{ ...jwk, kid: 'other' }] }
    await expect(verifyDeliveryMap(await sign(map), strange)).rejects.toMatchObject({ code: 'integrity.mismatch' })
  })
})
