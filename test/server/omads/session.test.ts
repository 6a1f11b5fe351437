/** The session's transition as a total table: a missing cell does not compile. */

import { describe, expect, it } from 'vitest'
import type { Peer } from '../../../server/datastore/datastore.ts'
import { newSession, transition } from '../../../server/omads/session.ts'
import type { DatastoreLink, SessionEvent, SessionState } from '../../../server/omads/sessionState.ts'

const peer: Peer = { accountId: 'a', accountName: 'alice', deviceId: 'd' }
const link: DatastoreLink = {
  uri: './x',
  clientTarget: './x',
  clientSource: './y',
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
  items: [],
  cursor: 0,
  offset: 0,
  restarts: 0,
  acknowledged: [],
}
const plan = { uri: './x', state: {}, items: [], sendsSync: true, finished: false }
const nothing = { outbox: { statuses: [], commands: [] }, sent: [] }

/** One event of each kind; the second `answered` leaves the package open. */
const events = {
  message: { kind: 'message', msgId: 2, maxMsgSize: 5000, maxObjSize: undefined },
  authenticated: { kind: 'authenticated', peer },
  challenged: { kind: 'challenged' },
  described: { kind: 'described', largeObjects: true, numberOfChanges: true },
  linked: { kind: 'linked', link },
  syncing: { kind: 'syncing', uri: './x' },
  object: { kind: 'object', incoming: null },
  applied: { kind: 'applied', uri: './x', state: { n: 1 } },
  owing: { kind: 'owing', statuses: [], commands: [] },
  'item-answered': { kind: 'item-answered', msgRef: 1, cmdRef: '2', status: 200 },
  mapped: { kind: 'mapped', uri: './x', guid: 'g' },
  'object-broken': { kind: 'object-broken', uri: './x' },
  'package-closed': { kind: 'package-closed', plans: [plan] },
  answered: { kind: 'answered', msgId: 3, ...nothing, links: [{ ...link, sendsSync: true }], complete: true },
  ended: { kind: 'ended', reason: 'aborted' },
} as const satisfies { [K in SessionEvent['kind']]: Extract<SessionEvent, { kind: K }> }

type Phase = SessionState['phase']
type Table = { [P in Phase]: { [K in SessionEvent['kind']]: Phase | 'impossible' } }

const active = {
  message: 'open',
  authenticated: 'impossible',
  challenged: 'impossible',
  described: 'open',
  linked: 'open',
  syncing: 'open',
  object: 'open',
  applied: 'open',
  owing: 'open',
  'item-answered': 'open',
  mapped: 'open',
  'object-broken': 'open',
  'package-closed': 'sending',
  answered: 'open',
  ended: 'ended',
} as const

function stays<P extends Phase>(phase: P): { [K in keyof typeof active]: P | 'impossible' | 'ended' } {
  return {
    ...active,
    message: phase,
    described: phase,
    linked: 'impossible',
    syncing: 'impossible',
    object: phase,
    applied: phase,
    owing: phase,
    'item-answered': phase,
    mapped: phase,
    'object-broken': phase,
    'package-closed': phase,
    answered: phase,
  }
}

const never = Object.fromEntries(Object.keys(events).map((kind) => [kind, 'impossible'])) as Table['ended']

const table: Table = {
  challenged: {
    ...never,
    message: 'challenged',
    authenticated: 'open',
    challenged: 'challenged',
    answered: 'challenged',
    ended: 'ended',
  },
  open: active,
  sending: { ...stays('sending'), answered: 'closing' },
  closing: { ...stays('closing'), answered: 'ended' },
  ended: { ...never, ended: 'ended' },
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
    challenged: [],
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

  it('[OM-11] the third failed login ends the session', () => {
    const twice = [events.challenged, events.challenged].reduce<SessionState>(transition, stateIn('challenged'))
    expect(twice.phase).toBe('challenged')
    expect(transition(twice, events.challenged)).toMatchObject({ phase: 'ended', reason: 'refused' })
  })

  it('[OM-8] a blocked link is free again when the package closed', () => {
    const blocked = transition(stateIn('open'), { kind: 'linked', link: { ...link, blocked: true } })
    const closed = transition(blocked, { kind: 'package-closed', plans: [] })
    expect(closed).toMatchObject({ phase: 'open', links: [{ blocked: false }] })
  })

  it('[OM-6] a refused chunk ends its object, the next Item follows', () => {
    const items = [1, 2].map((n) => ({ command: 'Add' as const, id: `g${n}`, type: 't', sizeBytes: 10 }))
    const sending = transition(stateIn('open'), { kind: 'package-closed', plans: [{ ...plan, items }] })
    const half = { ...link, sendsSync: true, items, offset: 5 }
    const sent = [{ msgId: 3, cmdId: '2', uri: './x', id: 'g1', more: true }]
    const waiting = transition(sending, { ...events.answered, links: [half], sent, complete: false })
    const refused = transition(waiting, { kind: 'item-answered', msgRef: 3, cmdRef: '2', status: 416 })
    expect(refused).toMatchObject({ links: [{ cursor: 1, offset: 0, acknowledged: [] }] })
    const taken = transition(waiting, { kind: 'item-answered', msgRef: 3, cmdRef: '2', status: 213 })
    expect(taken).toMatchObject({ links: [{ cursor: 0, offset: 5 }] })
    const broken = transition(waiting, { kind: 'object-broken', uri: './x' })
    expect(broken).toMatchObject({ links: [{ cursor: 0, offset: 0, restarts: 1 }] })
  })
})
