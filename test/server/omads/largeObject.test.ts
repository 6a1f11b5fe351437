/** Large objects: the pure judge, and the dialogues that go wrong. */

import { describe, expect, it } from 'vitest'
import { acceptChunk, type Chunk, type IncomingObject } from '../../../server/omads/largeObject.ts'
import { addOf, alerts, OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../../support/omadsPeer.ts'
import fc from '../../support/properties.ts'

const bytes = (length: number) => new Uint8Array(length).map((_, i) => i * 31)

async function opened(maxObjSize?: number) {
  const server = omadsServer()
  if (maxObjSize !== undefined) {
    const { decide } = server.store
    server.store.decide = async (peer, request) => ({ ...(await decide.call(server.store, peer, request)), maxObjSize })
  }
  const peer = new OmadsPeer(server, { rough: true })
  await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
  const say = async (command: Parameters<typeof syncOf>[0][number], final = false) => {
    const answer = await peer.send(peer.message([syncOf([command])], { final }))
    return { status: statusLine(answer).at(-1), alerts: alerts(answer) }
  }
  return { server, peer, say }
}

describe('[OM-7] refusals', () => {
  it('[OM-16] a chunk without Size is 411, and its last chunk is not taken for a whole Item', async () => {
    const { server, say } = await opened()
    expect((await say(addOf('1', bytes(10), { moreData: true }))).status).toBe('Add:411')
    expect((await say(addOf('1', bytes(10)))).status).toBe('Add:411')
    expect(server.store.items.size).toBe(0)
    expect((await say(addOf('1', bytes(10)), true)).status).toBe('Add:201')
  })

  it('a Size beyond MaxObjSize is 416, chunked or whole', async () => {
    const { server, say } = await opened(50)
    expect((await say(addOf('1', bytes(10), { size: 51, moreData: true }))).status).toBe('Add:416')
    expect((await say(addOf('1', bytes(41)))).status).toBe('Add:416')
    expect((await say(addOf('2', bytes(51)))).status).toBe('Add:416')
    expect((await say(addOf('3', bytes(50)), true)).status).toBe('Add:201')
    expect([...server.store.items.keys()]).toEqual(['acc-alice/3'])
  })

  it.each([
    ['too few', 5],
    ['too many', 40],
  ])('%s octets are 424; the object can come again', async (_, last) => {
    const { server, say } = await opened()
    expect((await say(addOf('1', bytes(10), { size: 30, moreData: true }))).status).toBe('Add:213')
    expect((await say(addOf('1', bytes(last)))).status).toBe('Add:424')
    expect(server.spool.ids()).toEqual([])
    expect((await say(addOf('1', bytes(10), { size: 20, moreData: true }))).status).toBe('Add:213')
    expect((await say(addOf('1', bytes(10)), true)).status).toBe('Add:201')
    expect(server.store.items.get('acc-alice/1')?.bytes).toHaveLength(20)
  })

  it('a new Item before the end is 223 for the old one, and is processed itself', async () => {
    const { server, say } = await opened()
    await say(addOf('1', bytes(10), { size: 30, moreData: true }))
    expect(await say(addOf('2', bytes(5)))).toEqual({ status: 'Add:201', alerts: ['223'] })
    expect(server.spool.ids()).toEqual([])
    expect([...server.store.items.keys()]).toEqual(['acc-alice/2'])
  })

  it('the end of the package before the end of the object is 223 too', async () => {
    const { say } = await opened()
    expect((await say(addOf('1', bytes(10), { size: 30, moreData: true }), true)).alerts).toEqual(['223'])
  })
})

describe('[OM-7] joining', () => {
  it('octets cut anywhere, plain or base64 with blanks, come together exactly', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }),
      fc.constantFrom('bin', 'b64'),
      fc.boolean(),
      (octets, cuts, format, decodedSize) => {
        const wire = format === 'b64' ? Buffer.from(Buffer.from(octets).toString('base64')) : Buffer.from(octets)
        const ends = [...cuts.map((cut) => Math.min(cut, wire.length)).sort((a, b) => a - b), wire.length]
        const spool: number[] = []
        let object: IncomingObject | null = null
        for (const [index, end] of ends.entries()) {
          const part = wire.subarray(ends[index - 1] ?? 0, end)
          const chunk: Chunk = {
            uri: './x',
            command: 'Add',
            luid: '1',
            type: 't',
            format,
            sizeBytes: index === 0 ? (decodedSize ? octets.length : wire.length) : undefined,
            position: undefined,
            data: format === 'b64' ? { kind: 'text', text: part.toString() } : { kind: 'bytes', bytes: part },
            more: index < ends.length - 1,
          }
          const outcome = acceptChunk(object, chunk, 1000, 's')
          if (outcome.kind === 'whole') expect(outcome.bytes).toEqual(Buffer.from(octets))
          if (outcome.kind === 'whole') return
          if (outcome.kind !== 'append') throw new Error(`refused with ${outcome.status}`)
          expect(outcome.offset).toBe(spool.length)
          spool.push(...outcome.bytes)
          object = outcome.object
        }
        expect(spool).toEqual([...octets])
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  it('an unknown Format is 415, base64 that is none 400', () => {
    const chunk: Chunk = {
      uri: './x',
      command: 'Add',
      luid: '1',
      type: 't',
      format: 'node',
      sizeBytes: undefined,
      position: undefined,
      data: { kind: 'text', text: '?' },
      more: false,
    }
    expect(acceptChunk(null, chunk, 10, 's')).toEqual({ kind: 'refused', status: 415 })
    expect(acceptChunk(null, { ...chunk, format: 'b64' }, 10, 's')).toEqual({ kind: 'refused', status: 400 })
  })
})
