/** Random vCards in any version: texts with every character that a format must protect, photos, groups, odd parameters. */

import fc from 'fast-check'
import { writeComponent } from '../../../schemas/pim/components.ts'
import type { Dialect, JProperty } from '../../../schemas/pim/jcard.ts'

const word = fc.oneof(
  fc.constantFrom(
    'Zoë',
    '山田',
    'a;b',
    'c,d',
    'back\\slash',
    'back\\\\;',
    'end\\',
    'two\nlines',
    'a=3D',
    'x: y',
    '"q"',
    '😀',
    'O’Brien',
  ),
  fc.string({
    unit: fc.constantFrom('a', 'ß', ';', ',', '\\', '\n', '=', ' ', ':', '😀', '"', '^', '1'),
    maxLength: 90,
  }),
)
/** Blanks at the ends are not promised: vCard has no way to protect them from its folding in all versions. */
const text = word.map((value) => value.trim())
const filled = text.filter((value) => value !== '')
const kinds = fc.subarray(['HOME', 'WORK', 'CELL', 'FAX', 'VOICE', 'PAGER', 'X-CAR', 'MSG'])

function params(types: readonly string[], group: string | undefined): JProperty[1] {
  return { ...(types.length > 0 ? { type: types } : {}), ...(group === undefined ? {} : { group }) }
}

const group = fc.option(fc.constantFrom('item1', 'X'), { nil: undefined, freq: 5 })

function properties(old: boolean, plain: boolean): fc.Arbitrary<JProperty> {
  const part = old || plain ? text : fc.oneof(text, fc.array(filled, { minLength: 2, maxLength: 3 }))
  const phone = old || plain ? 'phone-number' : 'phone-number'
  const named = (name: string, type = 'text') =>
    fc.tuple(text, group).map(([value, g]): JProperty => [name, params([], g), type, value])
  return fc.oneof(
    fc
      .tuple(fc.stringMatching(/^\+?[0-9 -]{1,15}$/), kinds, group)
      .map(([v, k, g]): JProperty => ['tel', params(k, g), phone, v.trim()]),
    fc.tuple(filled, kinds, group).map(([v, k, g]): JProperty => ['email', params(k, g), 'text', v]),
    fc.array(part, { minLength: 7, maxLength: 7 }).map((v): JProperty => ['adr', { type: ['HOME'] }, 'text', v]),
    fc.array(text, { minLength: 1, maxLength: 3 }).map((v): JProperty => ['org', {}, 'text', v]),
    named('title'),
    named('role'),
    named('note'),
    named('label'),
    fc.array(filled, { minLength: 1, maxLength: 3 }).map((v): JProperty => ['categories', {}, 'text', ...v]),
    fc
      .uint8Array({ minLength: 1, maxLength: 200 })
      .map((v): JProperty => ['photo', { type: ['JPEG'] }, 'binary', Buffer.from(v).toString('base64')]),
    fc
      .date({ min: new Date('1900-01-01'), max: new Date('2099-01-01'), noInvalidDate: true })
      .map((v): JProperty => ['bday', {}, 'date', v.toISOString().slice(0, 10)]),
    fc.constantFrom<JProperty>(
      ['url', {}, 'uri', 'http://x.example/~a?b=1,2;3'],
      ['uid', {}, 'text', 'abc-1'],
      ['x-custom', {}, 'unknown', 'a;b=c'],
    ),
    fc.constantFrom<JProperty>(
      ['rev', {}, 'date-time', '2010-03-28T10:34:10Z'],
      ['x-evolution-spouse', { 'x-p': 'v w' }, 'unknown', 'Ä'],
    ),
  )
}

/** Texts of random cards. `plain`: only what vCard 2.1 can say too. */
export function vcardArbitrary(version: string, plain = false): fc.Arbitrary<string> {
  const dialect = `vcard${version}` as Dialect
  const head: JProperty = ['version', {}, 'text', version]
  return fc
    .tuple(
      fc.array(text, { minLength: 5, maxLength: 5 }),
      filled,
      fc.array(properties(version === '2.1', plain), { maxLength: 12 }),
    )
    .map(([name, full, rest]) => {
      const all: JProperty[] = [
        head,
        ['n', {}, 'text', name],
        ['fn', {}, 'text', full],
        ...rest.map((p) => inVersion(p, version)),
      ]
      return Buffer.from(writeComponent(['vcard', all, []], dialect)).toString()
    })
}

/** What the version writes in another type: numbers are texts in 4.0, dates have one type, photos are URIs. */
function inVersion(property: JProperty, version: string): JProperty {
  const [name, given, , value] = property
  if (version !== '4.0') return property
  if (name === 'tel') return [name, given, 'text', value ?? '']
  if (name === 'bday') return [name, given, 'date-and-or-time', value ?? '']
  if (name === 'rev') return [name, given, 'timestamp', value ?? '']
  return name === 'photo' ? [name, {}, 'uri', `data:image/jpeg;base64,${String(value)}`] : property
}
