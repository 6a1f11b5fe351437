/** The pure decisions of the item store: how a sync begins, what a device shall get, and in which order. */

import { describe, expect, it } from 'vitest'
import { chooseSync, RESUME_LIFE_MS } from '../../../server/items/chooseSync.ts'
import { type DeviceVersion, type PlannedItem, planOutgoing } from '../../../server/items/planOutgoing.ts'
import fc from '../../support/properties.ts'

const kept = { last: 'B', previous: 'A' }
const run = { type: 200, askedLast: 'A', startedAt: 0 } as const

describe('how a sync begins', () => {
  it.each([
    [
      { type: 200, last: 'B' },
      { status: 200, type: 200, setBack: false },
    ],
    [
      { type: 200, last: 'A' },
      { status: 200, type: 200, setBack: true },
    ],
    [
      { type: 200, last: 'X' },
      { status: 508, type: 201 },
    ],
    [{ type: 200 }, { status: 508, type: 201 }],
    [
      { type: 202, last: 'X' },
      { status: 508, type: 203, merging: true },
    ],
    [
      { type: 204, last: 'X' },
      { status: 508, type: 205 },
    ],
    [{ type: 201 }, { status: 200, type: 201, goesOn: false }],
    [
      { type: 203, last: 'X' },
      { status: 200, type: 203, merging: false },
    ],
    [{ type: 205 }, { status: 200, type: 205 }],
  ] as const)('[IT-3] %o', (request, expected) => {
    expect(chooseSync(request, kept, run, 0)).toMatchObject(expected)
  })

  it('[IT-3] an anchor that came twice, from a device that counts seconds, is taken for the older one', () => {
    const twice = { ...kept, last: 'A' }
    expect(chooseSync({ type: 200, last: 'A' }, twice, run, 0)).toMatchObject({ status: 200, setBack: true })
  })

  it.each(['', '0', '00000000T000000Z', '00000000T000000'])(
    '[IT-3] `%s` is no anchor, even if it were kept',
    (last) => {
      expect(chooseSync({ type: 200, last }, { last }, undefined, 0)).toMatchObject({ status: 508, type: 201 })
    },
  )

  it('[IT-8] goes on in the same mode, within its time and from where it began', () => {
    const resume = { type: 'resume', last: 'A' } as const
    expect(chooseSync(resume, kept, run, 5)).toMatchObject({ status: 200, type: 200, goesOn: true })
    expect(chooseSync({ type: 'resume' }, kept, { ...run, type: 201 }, 5)).toMatchObject({ type: 201, goesOn: true })
    expect(chooseSync({ ...resume, last: 'X' }, kept, run, 5)).toMatchObject({ status: 508, type: 201, goesOn: false })
    expect(chooseSync(resume, kept, run, RESUME_LIFE_MS + 1)).toMatchObject({ status: 508, goesOn: false })
    expect(chooseSync(resume, kept, undefined, 0)).toMatchObject({ status: 508, type: 201, goesOn: false })
  })
})

const item = (
  id: string,
  changed: number,
  has?: Partial<DeviceVersion>,
  more: Partial<PlannedItem> = {},
): PlannedItem => ({
  id,
  changed,
  wanted: true,
  unwanted: false,
  ...(has && { has: { version: 0, spared: false, resend: false, ...has } }),
  ...more,
})

describe('what a device shall get', () => {
  const items = [
    item('new', 3),
    item('older', 3, { luid: 'o', version: 2 }),
    item('same', 3, { luid: 's', version: 3 }),
    item('again', 3, { luid: 'a', version: 3, resend: true }),
    item('unmapped', 3, { version: 3 }),
    item('unmapped-older', 4, { version: 3 }),
    item('spared', 3, { version: 3, spared: true }),
    item('spared-older', 4, { version: 3, spared: true }),
  ]
  const gone = [{ id: 'gone', luid: 'g' }, { id: 'gone-unmapped' }]

  it('[IT-2] follows from the versions', () => {
    expect(planOutgoing(200, items, gone, false).map(({ command, id, luid }) => [command, id, luid])).toEqual([
      ['Delete', 'gone', 'g'],
      ['Add', 'new', undefined],
      ['Replace', 'older', 'o'],
      ['Replace', 'again', 'a'],
      ['Add', 'unmapped-older', undefined],
      ['Add', 'spared-older', undefined],
    ])
  })

  it('[IT-12] is nothing in a sync from the client', () => {
    expect(planOutgoing(202, items, gone, false)).toEqual([])
    expect(planOutgoing(203, items, gone, true)).toEqual([])
  })

  it('[IT-14] an exclusive filter takes away, an inclusive one never', () => {
    const outside = { wanted: false, unwanted: true }
    const filtered = [item('x', 3, { luid: 'x', version: 3 }, outside), item('y', 3, undefined, outside)]
    expect(planOutgoing(200, filtered, [], false)).toMatchObject([{ command: 'Delete', luid: 'x' }])
    const inclusive = [
      item('x', 4, { luid: 'x', version: 3 }, { wanted: false }),
      item('y', 3, undefined, { wanted: false }),
    ]
    expect(planOutgoing(200, inclusive, [], false)).toMatchObject([{ command: 'Replace', luid: 'x' }])
  })

  it('[IT-15] puts parents before children whatever the tree, and leaves circles alone', () => {
    const parents = fc.array(fc.option(fc.nat(19), { nil: undefined }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(parents, (tree) => {
        const nodes = tree.map((parent, at) =>
          item(String(at), 1, undefined, parent === undefined ? {} : { parent: String(parent) }),
        )
        const order = planOutgoing(200, nodes, [], true).map(({ id }) => id)
        expect(new Set(order).size).toBe(order.length)
        for (const [at, id] of order.entries()) {
          const parent = tree[Number(id)]
          if (parent !== undefined) expect(order.indexOf(String(parent))).toBeLessThan(at)
        }
        const rooted = (at: number, seen: readonly number[]): boolean => {
          const parent = tree[at]
          if (parent === undefined) return at < tree.length
          return !seen.includes(at) && rooted(parent, [...seen, at])
        }
        expect(order.length).toBe(tree.filter((_, at) => rooted(at, [])).length)
      }),
    )
  })

  it('[IT-15] a child whose folder the device has goes alone; deletions come last where there are folders', () => {
    const tree = [item('f', 1, { luid: 'f', version: 1 }), item('c', 2, undefined, { parent: 'f' })]
    const plan = planOutgoing(
      200,
      tree,
      [
        { id: 'g1', luid: '1' },
        { id: 'g2', luid: '2' },
      ],
      true,
    )
    expect(plan.map(({ command, id }) => `${command} ${id}`)).toEqual(['Add c', 'Delete g2', 'Delete g1'])
  })
})
