/** Text to universal form and back, for written-down cases, generated contacts and captures of real devices. */

import ICAL from 'ical.js'
import { describe, expect, it } from 'vitest'
import { readComponents } from '../../../schemas/pim/components.ts'
import type { ContentFormat } from '../../../schemas/pim/content.ts'
import { readContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'
import fc from '../../support/properties.ts'
import { sharedDir } from '../../support/sharedDir.ts'
import { capturedItems, generatedItems } from './captured.ts'
import { parsedSet } from './sameProperties.ts'
import { vcardArbitrary } from './vcardArbitrary.ts'

const v21: ContentFormat = { type: 'text/x-vcard', version: '2.1' }
const v30: ContentFormat = { type: 'text/vcard', version: '3.0' }
const v40: ContentFormat = { type: 'text/vcard', version: '4.0' }
const calendar1: ContentFormat = { type: 'text/x-vcalendar', version: '1.0' }
const calendar2: ContentFormat = { type: 'text/calendar', version: '2.0' }

function through(octets: Uint8Array, ...formats: ContentFormat[]): Uint8Array {
  const kind = formats[0]?.type.endsWith('card') ? 'contact' : 'event'
  let now = octets
  for (const format of formats) now = writeContent(readContent(kind, format.type, now), format)
  return now
}

const formatOf = (octets: Uint8Array, kind: string): ContentFormat => {
  const version = /VERSION:(\d\.\d)/.exec(Buffer.from(octets).toString())?.[1]
  if (kind === 'event') return version === '2.0' ? calendar2 : calendar1
  return version === '2.1' ? v21 : version === '4.0' ? v40 : v30
}

describe('the same version', () => {
  it.each([v21, v30, v40])('[PIM-6] random contacts come back from $version as they were', (format) => {
    fc.assert(
      fc.property(vcardArbitrary(format.version), (text) => {
        const octets = Buffer.from(text)
        expect(parsedSet(through(octets, format))).toEqual(parsedSet(octets))
      }),
      { numRuns: 300 },
    )
  })

  it.skipIf(sharedDir === undefined)('[PIM-6] [PIM-7] items of real devices come back as they were', () => {
    const items = capturedItems()
    expect(items.length).toBeGreaterThan(300)
    for (const { origin, kind, octets } of items) {
      const written = through(octets, formatOf(octets, kind))
      const [before, after] = [parsedSet(octets), parsedSet(written)] as [{ lines: string[] }, { lines: string[] }]
      // What a version demands may be added, nothing may be missing.
      const added = after.lines.filter((line) => !before.lines.includes(line) && /^\["(n|fn)"/.test(line))
      expect({ ...after, lines: after.lines.filter((line) => !added.includes(line)) }, origin).toEqual(before)
    }
  })

  it.skipIf(sharedDir === undefined)('[PIM-7] generated events and tasks come back as they were', () => {
    for (const kind of ['event', 'todo']) {
      for (const octets of generatedItems('--count', '100', '--kind', kind)) {
        expect(parsedSet(through(octets, calendar2))).toEqual(parsedSet(octets))
      }
    }
  })
})

describe('other versions', () => {
  it('[PIM-6] 3.0 to 2.1 and back keeps what 2.1 can say', () => {
    fc.assert(
      fc.property(vcardArbitrary('3.0', true), (text) => {
        const octets = Buffer.from(text)
        expect(parsedSet(through(octets, v30, v21, v30))).toEqual(parsedSet(through(octets, v30)))
      }),
      { numRuns: 300 },
    )
  })

  it('[PIM-6] 3.0 to 4.0 and back keeps everything', () => {
    fc.assert(
      fc.property(vcardArbitrary('3.0'), (text) => {
        const octets = Buffer.from(text)
        expect(parsedSet(through(octets, v30, v40, v30))).toEqual(parsedSet(through(octets, v30)))
      }),
      { numRuns: 300 },
    )
  })

  it.skipIf(sharedDir === undefined)('[PIM-6] generated contacts with photos survive all versions', () => {
    for (const octets of generatedItems('--count', '60', '--photo-every', '10')) {
      expect(parsedSet(through(octets, v30, v21, v40, v21, v30))).toEqual(parsedSet(octets))
    }
  })
})

describe('beside ical.js', () => {
  it.skipIf(sharedDir === undefined)('[PIM-3] trees are those of ical.js where it reads correctly', () => {
    const simple = generatedItems('--count', '200', '--photo-every', '50').filter((octets) => {
      const text = Buffer.from(octets).toString()
      return !/^NOTE/m.test(text) && !text.includes('\\\\')
    })
    expect(simple.length).toBeGreaterThan(30)
    for (const octets of simple) {
      const [name, properties] = readComponents(octets, ['vcard']).root
      const theirs = ICAL.parse(Buffer.from(octets).toString()) as [
        string,
        [string, { type?: string | string[]; encoding?: string }, string, unknown][],
      ]
      const adapted = theirs[1].map(([property, { encoding: _, type, ...params }, kind, value]) => [
        property,
        type === undefined ? params : { ...params, type: [type].flat() },
        kind,
        value,
      ])
      const ours = properties.map(([property, params, kind, ...values]) => [property, params, kind, values[0]])
      const single = (list: unknown[][]) => list.filter(([property]) => property !== 'categories')
      expect([name, single(ours)]).toEqual([theirs[0], single(adapted)])
    }
  })

  it.skipIf(sharedDir === undefined)('[PIM-3] what we write of 3.0, 4.0 and calendars is read by ical.js', () => {
    for (const octets of generatedItems('--count', '50')) {
      for (const format of [v30, v40])
        expect(() => ICAL.parse(Buffer.from(through(octets, v30, format)).toString())).not.toThrow()
    }
    for (const octets of generatedItems('--count', '50', '--kind', 'event')) {
      const written = through(octets, calendar1, calendar2)
      expect(() => ICAL.parse(Buffer.from(written).toString())).not.toThrow()
    }
  })
})
