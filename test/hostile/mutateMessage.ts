/**
 * Damage to SyncML messages that stays near to valid ones: octets, pieces moved or doubled, one message grown into another,
 * the marks of both encodings put where they do not belong. The same draws give the same damage.
 */

import type { Draws } from '../../bench/workload/random.ts'

/** Octets that mean something: WBXML's global tokens, lengths that never end, code pages, ends of XML. */
const MARKS: readonly Buffer[] = [
  [0x00, 0x01],
  [0x00, 0x00],
  [0x00, 0x63],
  [0x01],
  [0x01, 0x01, 0x01, 0x01],
  [0x02, 0x8f, 0xff, 0xff, 0xff, 0x7f],
  [0x03],
  [0x03, 0x00],
  [0x04, 0x81, 0x00],
  [0x40],
  [0x43, 0x00],
  [0x80],
  [0x81, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0x83, 0x00],
  [0x83, 0x81, 0x7f],
  [0xc3, 0x00],
  [0xc3, 0x7f],
  [0xc3, 0x8f, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff],
  [0x6d],
  [0x6c],
  [0x6b],
  [0xfe, 0xff],
  [0xed, 0xa0, 0x80],
].map((octets) => Buffer.from(octets))

const TEXTS: readonly Buffer[] = [
  '<',
  '>',
  '/>',
  '</',
  '<!',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<?x?>',
  '&',
  '&amp;',
  '&#0;',
  '&#x110000;',
  '&x;',
  '<!DOCTYPE SyncML [<!ENTITY x "y">]>',
  '<Sync>',
  '</Sync>',
  '<Add>',
  '<Item>',
  '</Item>',
  '<Final/>',
  '<Status>',
  '<MoreData/>',
  '<NoResp/>',
  '<Atomic>',
  '<Data>',
  '</Data>',
  '<Meta>',
  '<Cred>',
  '<Chal>',
  '<Size xmlns="syncml:metinf">',
  ' xmlns="syncml:metinf"',
  ' xmlns=""',
  '-1',
  '0',
  '99999999999999999999',
  '1e9',
  '4294967296',
  'NaN',
  '\0',
  '\ufeff',
  'syncml:auth-md5',
  './databases/app',
  '../',
  '%00',
  '__proto__',
  'a'.repeat(1100),
].map((text) => Buffer.from(text))

/** One damaged message, made of `seed` and perhaps of `other`. */
export function mutateMessage(draws: Draws, seed: Buffer, other: Buffer): Buffer {
  let bytes = seed
  for (let edits = 1 + draws.below(4); edits > 0; edits--) bytes = edit(draws, bytes, other)
  return bytes
}

function edit(draws: Draws, bytes: Buffer, other: Buffer): Buffer {
  const at = draws.below(bytes.length + 1)
  const length = draws.below(1 + Math.min(bytes.length - at, 1 << draws.below(8)))
  const [head, cut, tail] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (draws.below(10)) {
    case 0:
      return Buffer.concat([head, Buffer.from([draws.below(256)]), tail])
    case 1:
      return flipped(draws, bytes, at)
    case 2:
      return Buffer.concat([head, tail])
    case 3:
      return Buffer.concat([head, cut, cut, tail])
    case 4:
      return head
    case 5:
      return Buffer.concat([head, ...Array.from({ length: 1 + draws.below(40) }, () => cut), tail])
    case 6: {
      const from = draws.below(other.length + 1)
      return Buffer.concat([head, other.subarray(from, from + length), tail])
    }
    case 7:
      return Buffer.concat([head, other.subarray(draws.below(other.length + 1))])
    case 8:
      return Buffer.concat([head, draws.pick(MARKS), bytes.subarray(at)])
    default:
      return Buffer.concat([head, draws.pick(TEXTS), tail])
  }
}

function flipped(draws: Draws, bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  const index = Math.min(at, copy.length - 1)
  if (index >= 0) copy[index] = (copy[index] ?? 0) ^ (1 << draws.below(8))
  return copy
}
