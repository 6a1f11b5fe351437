/** The Delivery's transition as a total table, its stories, and random lives of it. */

import { describe, expect, it } from 'vitest'
import type { Assignment } from '../../../schemas/delivery/assignment.ts'
import type { ProgressReport } from '../../../schemas/delivery/progress.ts'
import { rangesOf, type SegmentRanges, unionOf, withoutRanges } from '../../../schemas/delivery/segmentRanges.ts'
import { newDelivery, transition } from '../../../server/delivery/delivery.ts'
import type { Delivery, DeliveryEffect, DeliveryEvent, Joining } from '../../../server/delivery/deliveryState.ts'
import { LOST_AFTER_MS } from '../../../server/delivery/members.ts'
import { ANSWER_WITHIN_MS } from '../../../server/delivery/takeOver.ts'
import { PLANS } from '../../support/deliveryArbitrary.ts'
import fc from '../../support/properties.ts'

type Phase = Delivery['phase']
type Kind = DeliveryEvent['kind']

const joining = (deviceId: string, held: SegmentRanges = []): Joining => ({
  deviceId,
  takes: [[0, 4]],
  held,
  speeds: { l: 1000 },
})
const assignments: readonly Assignment[] = [
  { deviceId: 'a', linkId: 'l', segments: [[0, 2]] },
  { deviceId: 'b', linkId: 'l', segments: [[2, 4]] },
]
const report = (deviceId: string, held: SegmentRanges, bytes = 1000): ProgressReport => ({
  deviceId,
  held,
  serverBytes: bytes,
  peerBytes: 0,
  links: [{ linkId: 'l', bytes, busyMs: 1000 }],
})

/** One event of each kind. */
const events = {
  planned: { kind: 'planned', members: [joining('a'), joining('b')], assignments },
  started: { kind: 'started' },
  joined: { kind: 'joined', member: joining('c') },
  progress: { kind: 'progress', report: report('a', [[0, 1]]) },
  lost: { kind: 'lost', deviceId: 'b' },
  answered: { kind: 'answered', deviceId: 'a', takesOver: true },
  assigned: { kind: 'assigned', assignments: [{ deviceId: 'a', linkId: 'l', segments: [[0, 4]] }] },
  unassignable: { kind: 'unassignable' },
  paused: { kind: 'paused' },
  resumed: { kind: 'resumed' },
  cancelled: { kind: 'cancelled' },
  failed: { kind: 'failed', reason: 'the image is gone' },
  tick: { kind: 'tick' },
} as const satisfies { [K in Kind]: Extract<DeliveryEvent, { kind: K }> }

const created = newDelivery({ deliveryId: 'x', dataSetId: 's', onLoss: 'ask' }, 0)
const played = (from: Delivery, ...list: readonly DeliveryEvent[]): Delivery =>
  list.reduce((state, event) => transition(state, event, 0).state, from)
const planned = played(created, events.planned)
const running = played(planned, events.started)
const states = {
  created,
  planned,
  running,
  paused: played(running, events.paused),
  complete: played(running, ...['a', 'b'].map((id) => ({ kind: 'progress' as const, report: report(id, [[0, 4]]) }))),
  cancelled: played(created, events.cancelled),
  failed: played(created, events.failed),
} as const satisfies { [P in Phase]: Delivery }

/** The phase and the effects that follow; `-` changes nothing at all. */
const nothing = Object.fromEntries(Object.keys(events).map((kind) => [kind, '-'])) as Record<Kind, string>
const expected: { readonly [P in Phase]: { readonly [K in Kind]: string } } = {
  created: { ...nothing, planned: 'planned', cancelled: 'cancelled end', failed: 'failed end' },
  planned: {
    ...nothing,
    planned: 'planned',
    started: 'running publish',
    cancelled: 'cancelled end',
    failed: 'failed end',
  },
  running: {
    planned: '-',
    started: '-',
    joined: 'running reassign',
    progress: 'running',
    lost: 'running ask',
    answered: '-',
    assigned: 'running publish',
    unassignable: 'paused hold',
    paused: 'paused hold',
    resumed: '-',
    cancelled: 'cancelled end',
    failed: 'failed end',
    tick: '-',
  },
  paused: {
    planned: '-',
    started: '-',
    joined: 'paused',
    progress: 'paused',
    lost: 'paused',
    answered: '-',
    assigned: 'paused publish',
    unassignable: '-',
    paused: 'paused',
    resumed: 'running reassign',
    cancelled: 'cancelled end',
    failed: 'failed end',
    tick: '-',
  },
  complete: nothing,
  cancelled: nothing,
  failed: nothing,
}

describe('[DL-14] each event in each phase', () => {
  const cells = (Object.keys(states) as Phase[]).flatMap((phase) =>
    (Object.keys(events) as Kind[]).map((kind) => [phase, kind, expected[phase][kind]] as const),
  )
  it.each(cells)('%s, %s: %s', (phase, kind, outcome) => {
    expect(states[phase].phase).toBe(phase)
    const { state, effects } = transition(states[phase], events[kind], 0)
    const unchanged = state === states[phase] && effects.length === 0
    expect(unchanged ? '-' : [state.phase, ...effects.map((effect) => effect.kind)].join(' ')).toBe(outcome)
  })
})

/** Plays events, each with its time; the last step. */
function play(from: Delivery, ...list: readonly (readonly [DeliveryEvent, number])[]) {
  let step: { state: Delivery; effects: readonly DeliveryEffect[] } = { state: from, effects: [] }
  for (const [event, now] of list) step = transition(step.state, event, now)
  return step
}
const says = (deviceId: string, held: SegmentRanges, bytes?: number): DeliveryEvent => ({
  kind: 'progress',
  report: report(deviceId, held, bytes),
})
const answers = (deviceId: string, takesOver: boolean): DeliveryEvent => ({ kind: 'answered', deviceId, takesOver })
const lost = (deviceId: string): DeliveryEvent => ({ kind: 'lost', deviceId })

describe('a Delivery', () => {
  it('[DL-15] is complete when all that are there hold what they take, with a final map', () => {
    const first = play(running, [says('a', [[0, 4]]), 1])
    expect(first.state.phase).toBe('running')
    const second = transition(first.state, says('b', [[0, 4]]), 2)
    expect(second.state).toMatchObject({ phase: 'complete', revision: 2 })
    expect(second.effects).toEqual([
      { kind: 'publish', revision: 2, isFinal: true },
      { kind: 'end', phase: 'complete' },
    ])
    expect(play(running, [says('a', [[0, 4]]), 1], [lost('b'), 2]).state.phase).toBe('complete')
  })

  it('[DL-15] loses who is silent and takes back who reports, and forgets nothing that was held', () => {
    const silent = play(running, [says('a', [[0, 1]]), LOST_AFTER_MS], [{ kind: 'tick' }, LOST_AFTER_MS + 1])
    expect(silent.state.members.map(({ presence }) => presence)).toEqual(['present', 'lost'])
    expect(silent.effects).toEqual([{ kind: 'ask', lost: ['b'], deviceIds: ['a'] }])
    const back = transition(silent.state, says('b', [[2, 3]]), LOST_AFTER_MS + 2)
    expect(back.state).toMatchObject({ phase: 'running', query: null })
    expect(back.effects).toEqual([{ kind: 'reassign', reason: 'joined' }])
    const late = transition(back.state, says('b', [], 10), LOST_AFTER_MS + 3).state.members[1]
    expect(late).toMatchObject({ held: [[2, 3]], serverBytes: 1000 })
  })

  it('[DL-16] asks the others when a device is lost; who agrees takes over, who does not has no more to fetch', () => {
    const three = play(running, [events.joined, 1], [events.assigned, 2], [lost('a'), 3])
    expect(three.effects).toEqual([{ kind: 'ask', lost: ['a'], deviceIds: ['b', 'c'] }])
    const one = transition(three.state, answers('b', false), 4)
    expect(one.effects).toEqual([])
    const both = transition(one.state, answers('c', true), 5)
    expect(both.effects).toEqual([{ kind: 'reassign', reason: 'lost' }])
    expect(both.state.members.map(({ declined }) => declined)).toEqual([true, true, false])
    expect(both.state).toMatchObject({ phase: 'running', query: null })
  })

  it('[DL-16] takes silence for a no, and waits if nobody agrees; a return or the user goes on with it', () => {
    const asked = play(running, [lost('b'), 0], [says('a', [[0, 1]]), ANSWER_WITHIN_MS])
    const waiting = transition(asked.state, { kind: 'tick' }, ANSWER_WITHIN_MS + 1)
    expect(waiting.state).toMatchObject({ phase: 'paused', reason: 'nobody-takes-over' })
    expect(waiting.effects).toEqual([{ kind: 'hold', reason: 'nobody-takes-over' }])
    for (const event of [{ kind: 'joined', member: joining('b') }, { kind: 'resumed' }] as const)
      expect(transition(waiting.state, event, 70_000)).toMatchObject({
        state: { phase: 'running' },
        effects: [{ kind: 'reassign' }],
      })
  })

  it('[DL-16] lets them take over by policy, and asks nobody for what nobody needs', () => {
    const byPolicy = play({ ...running, onLoss: 'take-over' } as Delivery, [lost('b'), 1])
    expect(byPolicy.effects).toEqual([{ kind: 'reassign', reason: 'lost' }])
    const idle = play(running, [events.joined, 1], [lost('c'), 2])
    expect(idle).toMatchObject({ state: { phase: 'running', query: null }, effects: [] })
  })

  it('[DL-13, DL-14] has a new plan made when a speed changed, once', () => {
    let state: Delivery = running
    const asked: number[] = []
    for (let second = 1; second <= 8; second++) {
      const step = transition(state, says('a', [[0, 1]], 100), second * 1000)
      state = step.state
      if (step.effects.some(({ kind }) => kind === 'reassign')) asked.push(second)
    }
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.every((second, at) => at === 0 || second - (asked[at - 1] ?? 0) >= 3)).toBe(true)
  })

  it('[DL-17] counts each assignment as a revision, and a pause keeps what was reached', () => {
    const assigned = play(running, [says('a', [[0, 2]]), 1], [events.assigned, 2])
    expect(assigned.effects).toEqual([{ kind: 'publish', revision: 2, isFinal: false }])
    const resting = transition(assigned.state, { kind: 'paused' }, 3)
    expect(resting.state).toMatchObject({ assignments: events.assigned.assignments, revision: 2, reason: 'user' })
    expect(resting.state.members[0]?.held).toEqual([[0, 2]])
    const alone = play(resting.state, [lost('a'), 4], [lost('b'), 5], [{ kind: 'resumed' }, 6])
    expect(alone.state).toMatchObject({ phase: 'paused', reason: 'nobody-present' })
    const again = transition(alone.state, { kind: 'joined', member: joining('a', [[0, 2]]) }, 7)
    expect(again).toMatchObject({ state: { phase: 'running' }, effects: [{ kind: 'reassign', reason: 'joined' }] })
  })
})

const idArbitrary = fc.constantFrom('a', 'b', 'c')
const heldArbitrary = fc.uniqueArray(fc.nat(3)).map((numbers) => rangesOf(numbers))
const eventArbitrary: fc.Arbitrary<DeliveryEvent> = fc.oneof(
  fc.tuple(idArbitrary, heldArbitrary).map(([id, held]) => says(id, held)),
  idArbitrary.map(lost),
  fc.tuple(idArbitrary, heldArbitrary).map(([id, held]) => ({ kind: 'joined' as const, member: joining(id, held) })),
  fc.tuple(idArbitrary, fc.boolean()).map(([id, yes]) => answers(id, yes)),
  fc.constantFrom(events.tick, events.tick, events.paused, events.resumed, events.unassignable, events.cancelled),
)

it('[DL-14, DL-15, DL-16, DL-17] lives at random: ends are final, nothing held is lost, nothing needed is forgotten', {
  timeout: 600_000,
}, () => {
  const life = fc.array(fc.tuple(eventArbitrary, fc.constantFrom(0, 100, 5000, 20_000, 70_000)), { maxLength: 60 })
  fc.assert(
    fc.property(fc.constantFrom('ask', 'take-over'), life, (onLoss, steps) => {
      let state: Delivery = { ...running, onLoss } as Delivery
      let now = 0
      for (const [event, afterMs] of steps) {
        now += afterMs
        const before = state
        const { state: next, effects } = transition(before, event, now)
        state = next
        if (before.phase === 'complete' || before.phase === 'cancelled' || before.phase === 'failed') {
          expect(next).toBe(before)
          continue
        }
        expect(next.revision).toBe(before.revision + effects.filter(({ kind }) => kind === 'publish').length)
        for (const member of before.members) {
          const after = next.members.find(({ deviceId }) => deviceId === member.deviceId)
          const kept = event.kind === 'joined' && event.member.deviceId === member.deviceId ? [] : member.held
          expect(withoutRanges(kept, after?.held ?? [])).toEqual([])
        }
        if (effects.some(({ kind }) => kind === 'reassign'))
          state = transition(state, { kind: 'assigned', assignments: missingToOne(state) }, now).state
        expectNobodyForgotten(state)
      }
    }),
    { numRuns: PLANS },
  )
})

const presentIn = (state: Delivery) => state.members.filter(({ presence }) => presence === 'present')
const heldIn = (state: Delivery): SegmentRanges =>
  presentIn(state)
    .map(({ held }) => held)
    .reduce(unionOf, [])

/** One of those that are there fetches all that nobody who is there holds. */
function missingToOne(state: Delivery): Assignment[] {
  const [one] = presentIn(state)
  return one === undefined
    ? []
    : [{ deviceId: one.deviceId, linkId: 'l', segments: withoutRanges(one.takes, heldIn(state)) }]
}

/** While it runs, whatever somebody needs is held or fetched by somebody who is there, or the others are being asked. */
function expectNobodyForgotten(state: Delivery): void {
  if (state.phase !== 'running') return
  const present = presentIn(state)
  expect(present.some(({ held, takes }) => withoutRanges(takes, held).length > 0)).toBe(true)
  if (state.query !== null) return
  const fetched = state.assignments.filter(({ deviceId }) => present.some((each) => each.deviceId === deviceId))
  const provided = fetched.map(({ segments }) => segments).reduce(unionOf, heldIn(state))
  expect(withoutRanges([[0, 4]], provided)).toEqual([])
}
