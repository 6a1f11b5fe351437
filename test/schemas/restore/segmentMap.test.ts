/** The map's shape, and what binds a segment to its place. */

import { describe, expect, it } from 'vitest'
import { parseSegmentMap, type SegmentMap, segmentContext, segmentNonce } from '../../../schemas/restore/segmentMap.ts'

const sha256 = 'a'.repeat(64)
const ranges: SegmentMap = {
  version: 2,
  imageId: 'image-1',
  database: 'app',
  createdAt: 1,
  compression: 'zstd',
  rangeBytes: 2_097_152,
  sizeBytes: 2_097_153,
  sha256,
  segments: [
    { number: 0, sizeBytes: 1_500_000, sha256 },
    { number: 1, sizeBytes: 30, sha256 },
  ],
}
const map: SegmentMap = {
  version: 1,
  imageId: 'image-1',
  database: 'app',
  createdAt: 1,
  compression: 'gzip',
  sizeBytes: 4096,
  sha256,
  segments: [
    { number: 0, sizeBytes: 1_048_592, sha256 },
    { number: 1, sizeBytes: 17, sha256 },
  ],
}

describe('a segment map', () => {
  it('[WF-21] reads what was written', () => {
    for (const each of [map, ranges]) expect(parseSegmentMap(JSON.parse(JSON.stringify(each)))).toEqual(each)
  })

  it.each<readonly [string, object]>([
    ['another version', { version: 2 }],
    ['an unknown field', { more: 1 }],
    ['no segments', { segments: [] }],
    ['segments out of order', { segments: [...map.segments].reverse() }],
    ['a segment twice', { segments: [map.segments[0], map.segments[0]] }],
    ['a segment that is too large', { segments: [{ number: 0, sizeBytes: 1_048_593, sha256 }] }],
    ['an empty segment', { segments: [{ number: 0, sizeBytes: 16, sha256 }] }],
    ['a digest of another length', { sha256: 'a'.repeat(63) }],
    ['a size that is no integer', { sizeBytes: 1.5 }],
    ['another compression', { compression: 'zstd' }],
  ])('[WF-21] with %s is refused', (_name, change) => {
    expect(() => parseSegmentMap({ ...map, ...change })).toThrow(
      expect.objectContaining({ code: 'protocol.malformed' }),
    )
  })
})

it.each<readonly [string, object]>([
  ['the version of another compression', { version: 1 }],
  ['another compression', { compression: 'gzip' }],
  ['a segment too few', { segments: ranges.segments.slice(0, 1) }],
  ['a segment too many', { sizeBytes: 2_097_152 }],
  ['ranges that are too large', { rangeBytes: 4_194_304 }],
])('[WF-21] a map of ranges with %s is refused', (_name, change) => {
  const work = (): SegmentMap => parseSegmentMap({ ...ranges, ...change })
  expect(work).toThrow(expect.objectContaining({ code: 'protocol.malformed' }))
})

it('[WF-20] nonce and additional data differ for each segment and image', () => {
  expect(Buffer.from(segmentNonce(258)).toString('hex')).toBe('000000000000000000000102')
  expect(Buffer.from(segmentContext(map, 3)).toString()).toBe('nightferry segment 1 3 image-1')
  expect(Buffer.from(segmentContext(ranges, 3)).toString()).toBe('nightferry segment 2 3 image-1')
})
