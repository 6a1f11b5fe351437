/** The session's transition as a total table: a missing cell does not compile. */

import { describe, expect, it } from 'vitest'
import type { Peer } from '../../../server/datastore/datastore.ts'
import { newSession, transition } from '../../../server/omads/session.ts'
import type { DatastoreLink, SessionEvent, SessionState } from '../../../server/omads/sessionState.ts'
import { matchAnswers } from '../../../server/omads/settleAnswers.ts'

const peer: Peer = { accountId: 'a', accountName: 'alice', deviceId: 'd' }
const link: DatastoreLink = {
  uri: './x',
  clientTarget: './x',
  clientSource: './y',
  kind: 'object',
  clientNext: '1',
  type: 205,
  state: {},
  own: false,
  peerMaxObjSize: 0,
  ownMaxObjSize: 1,
  blocked: false,
  synced: false,
  finished: false,
  sendsSync: false,
  syncSent: false,
  total: 0,
  cursor: 0,
  offset: 0,
  chunkFrom: 0,
  objectId: '',
  digest: '',
  resumed: false,
  interrupted: null,
  restarts: 0,
}
const plan = { uri: './x', state: {}, total: 0, sendsSync: true, finished: false }
const nothing = { outbox: { statuses: [], commands: [] }, sent: [] }

/** One event of each kind; the second `answered` leaves the package open. */
const events = {
  message: { kind: 'message', msgId: 2, maxMsgSize: 5000, maxObjSize: undefined },
  authenticated: { kind: 'authenticated', peer, proof: { due: null, challenges: 0 } },
  proof: { kind: 'proof', proof: { due: { scheme: 'md5', nonce: 'bm9uY2U=' }, challenges: 1 } },
  described: { kind: 'described', largeObjects: true, numberOfChanges: true },
  linked: { kind: 'linked', link },
  challenged: { kind: 'challenged', challenged: { uri: './x', target: 'x', tries: 1 } },
  syncing: { kind: 'syncing', uri: './x' },
  object: { kind: 'object', incoming: null },
  resumed: { kind: 'resumed', uri: './x', held: { receiving: null, completed: null, sent: null } },
  'object-completed': { kind: 'object-completed', completed: { uri: './x', luid: '1', status: 201 } },
  applied: { kind: 'applied', uri: './x', state: { n: 1 } },
  owing: { kind: 'owing', statuses: [], commands: [] },
  'items-answered': { kind: 'items-answered', sent: [], refused: [] },
  'object-broken': { kind: 'object-broken', uri: './x' },
  'package-closed': { kind: 'package-closed', plans: [plan] },
  answered: { kind: 'answered', msgId: 3, ...nothing, links: [{ ...link, sendsSync: true }], complete: true },
  awaited: { kind: 'awaited' },
  repeated: { kind: 'repeated', msgId: 3, ownMsgId: 4, shift: 2 },
  ended: { kind: 'ended', reason: 'aborted' },
} as const satisfies { [K in SessionEvent['kind']]: Extract<SessionEvent, { kind: K }> }

type Phase = SessionState['phase']
type Table = { [P in Phase]: { [K in SessionEvent['kind']]: Phase | 'impossible' } }

const active = {
  message: 'open',
  authenticated: 'impossible',
  described: 'open',
  linked: 'open',
  proof: 'open',
  challenged: 'open',
  syncing: 'open',
  object: 'open',
  resumed: 'open',
  'object-completed': 'open',
  applied: 'open',
  owing: 'open',
  'items-answered': 'open',
  'object-broken': 'open',
  'package-closed': 'sending',
  answered: 'open',
  awaited: 'open',
  repeated: 'open',
  ended: 'ended',
} as const

function stays<P extends Phase>(phase: P): { [K in keyof typeof active]: P | 'impossible' | 'ended' } {
  return {
    ...active,
    message: phase,
    described: phase,
    linked: 'impossible',
    challenged: phase,
    proof: phase,
    syncing: 'impossible',
    object: phase,
    resumed: phase,
    'object-completed': phase,
    applied: phase,
    owing: phase,
    'items-answered': phase,
    'object-broken': phase,
    'package-closed': phase,
    answered: phase,
    awaited: phase,
    repeated: phase,
  }
}

const never = Object.fromEntries(Object.keys(events).map((kind) => [kind, 'impossible'])) as Table['ended']

const table: Table = {
  fresh: { ...never, message: 'fresh', authenticated: 'open', ended: 'ended' },
  open: active,
  sending: { ...stays('sending'), answered: 'closing' },
  closing: { ...stays('closing'), answered: 'ended' },
  ended: { ...never, awaited: 'ended', repeated: 'ended', ended: 'ended' },
}

function stateIn(phase: Phase): SessionState {
  const fresh = newSession({
    token: '0'.repeat(32),
    sessionId: '1',
    deviceId: 'd',
    version: '1.2',
    encoding: 'xml',
    serverUri: 's',
    remoteAddress: '::1',
  })
  const path: Record<Phase, readonly SessionEvent[]> = {
    fresh: [],
    open: [events.authenticated, events.linked],
    sending: [events.authenticated, events.linked, events['package-closed']],
    closing: [events.authenticated, events.linked, events['package-closed'], events.answered],
    ended: [events.ended],
  }
  return path[phase].reduce<SessionState>(transition, fresh)
}

describe.each(Object.keys(table) as Phase[])('in phase %s', (phase) => {
  it.each(Object.keys(events) as SessionEvent['kind'][])('%s', (kind) => {
    const before = stateIn(phase)
    expect(before.phase).toBe(phase)
    const copy = structuredClone(before)
    const expected = table[phase][kind]
    if (expected === 'impossible') expect(() => transition(before, events[kind])).toThrow(/cannot happen/)
    else expect(transition(before, events[kind]).phase).toBe(expected)
    expect(before).toEqual(copy)
  })
})

describe('details', () => {
  it('[OM-4] every state survives JSON', () => {
    for (const phase of Object.keys(table) as Phase[]) {
      const state = stateIn(phase)
      expect(JSON.parse(JSON.stringify(state))).toEqual(state)
    }
  })

  it('[OM-8] a blocked link is free again when the package closed', () => {
    const blocked = transition(stateIn('open'), { kind: 'linked', link: { ...link, blocked: true } })
    const closed = transition(blocked, { kind: 'package-closed', plans: [] })
    expect(closed).toMatchObject({ phase: 'open', links: [{ blocked: false }] })
  })

  it('[OM-34] Items of an answer that goes out again wait for Statuses under their new numbers', () => {
    const items = [{ command: 'Add', id: 'g1' }] as const
    const group = { uri: './x', items, more: false }
    const sending = transition(stateIn('open'), { kind: 'package-closed', plans: [{ ...plan, total: 2 }] })
    const before = { ...group, msgId: 2, firstCmdId: 3 }
    const last = { ...group, msgId: 3, firstCmdId: 4 }
    const waiting = transition(sending, { ...events.answered, sent: [before, last], complete: false })
    const asked = transition(transition(waiting, events.awaited), { kind: 'repeated', msgId: 5, ownMsgId: 6, shift: 2 })
    expect(asked).toMatchObject({ lastMsgId: 5, ownMsgId: 6, awaited: false })
    expect(asked).toMatchObject({ sent: [before, { ...last, msgId: 6, firstCmdId: 6 }] })
  })

  it('[OM-6] a refused chunk ends its object, the next Item follows', () => {
    const sending = transition(stateIn('open'), { kind: 'package-closed', plans: [{ ...plan, total: 2 }] })
    const half = { ...link, sendsSync: true, total: 2, offset: 5 }
    const items = [{ command: 'Add', id: 'g1' }] as const
    const sent = [{ msgId: 3, firstCmdId: 2, uri: './x', items, more: true }]
    const waiting = transition(sending, { ...events.answered, links: [half], sent, complete: false })
    const answer = (status: number) => {
      const matched = matchAnswers(sent, [{ msgRef: 3, cmdRef: 2, status }])
      return { matched, state: transition(waiting, { kind: 'items-answered', ...matched }) }
    }
    const refused = answer(416)
    expect(refused.state).toMatchObject({ links: [{ cursor: 1, offset: 0 }], sent: [] })
    expect(refused.matched.settled.get('./x')).toEqual([{ ...items[0], status: 416 }])
    const taken = answer(213)
    expect(taken.matched.settled.size).toBe(0)
    expect(taken.state).toMatchObject({ links: [{ cursor: 0, offset: 5 }] })
    const broken = transition(waiting, { kind: 'object-broken', uri: './x' })
    expect(broken).toMatchObject({ links: [{ cursor: 0, offset: 0, restarts: 1 }] })
  })
})
