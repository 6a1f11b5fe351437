/**
 * A made-up device synchronizes with the engine as it is, on ports that keep nothing: the code that every session needs
 * is compiled when the first device comes, and the memory it needs is there. Rule OM-37.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { AUTH_BASIC, basicCredential } from '../../schemas/syncml/credential.ts'
import type { Command, Encoding, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { ItemForClient, SyncDatastore } from '../datastore/syncDatastore.ts'
import { createOmads, type Omads, type OmadsDeps } from './handleMessage.ts'
import type { SessionRecord, SessionStore } from './sessionStore.ts'

/** Items of one message, and sessions: about what V8 counts before it takes code for worth compiling. */
const ITEMS = 60
const SESSIONS: Readonly<Record<Encoding, number>> = { wbxml: 9, xml: 2 }

const DEVICE = 'rehearsal'
const URI = './contacts'
const ADDRESS = 'http://localhost/omads'
const CONTENT = 'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Family;Given\r\nFN:Given Family\r\nNOTE:A word\r\nEND:VCARD\r\n'

/** Resolves to how many sessions came to their end; other work comes in between, after each message. Nothing stays. */
export async function rehearseSessions(deps: OmadsDeps): Promise<number> {
  let complete = 0
  const log = { info: () => void complete++, warn: () => undefined, error: () => undefined }
  const omads = createOmads({ ...withoutTraces(deps), log })
  for (const encoding of ['wbxml', 'xml'] as const)
    for (let session = 1; session <= SESSIONS[encoding]; session++) await playSession(omads, encoding, String(session))
  return complete
}

/** The engine's parts, but whatever keeps something. */
function withoutTraces({ trace: _, busy: __, gate: ___, ...deps }: OmadsDeps): OmadsDeps {
  const nothing = async (): Promise<undefined> => undefined
  const peer: Peer = { accountId: DEVICE, accountName: DEVICE, deviceId: DEVICE }
  const none = async (): Promise<[]> => []
  return {
    ...deps,
    sessions: forgetfulSessions(),
    verifier: { verify: async () => ({ kind: 'accepted', peer, nonce: new Uint8Array() }) },
    nonces: { read: async () => ({}), accept: nothing },
    datastoreLogins: { isProtected: async () => false, verify: nothing },
    ownLogins: { find: nothing, keepNonce: nothing },
    descriptions: { read: nothing, write: nothing },
    heldObjects: { find: nothing, keep: nothing, remove: nothing, removeSpool: nothing, list: none },
    registry: { find: async () => made, list: async () => [made] },
  }
}

/** One session at a time, as text, as the catalogue has it. */
function forgetfulSessions(): SessionStore {
  let held: { readonly state: string; readonly answer: SessionRecord['answer'] } | undefined
  const read = (): SessionRecord[] =>
    held ? [{ state: JSON.parse(held.state), answer: held.answer, touchedAt: 0 } as SessionRecord] : []
  return {
    findByToken: async (token) => read().find(({ state }) => state.identity.token === token),
    findByDevice: async () => read(),
    save: async ({ state, answer }) => {
      held = { state: JSON.stringify(state), answer }
    },
    remove: async () => {
      held = undefined
    },
    listIdle: async () => [],
  }
}

/** Takes everything, and gives as much. */
const made: SyncDatastore = {
  kind: 'items',
  uri: URI,
  displayName: 'Contacts',
  syncTypes: [200, 201],
  contentTypes: [['text/vcard', '3.0']],
  ctCaps: [],
  filterGrammars: [],
  hierarchical: false,
  maxObjSize: 4_000_000,
  decide: async () => ({ status: 200, type: 201, next: '1', state: {} }),
  apply: async (_client, state, changes) => ({ outcomes: changes.map(() => ({ status: 201 })), state }),
  close: async (_client, state) => ({ total: ITEMS, status: 200, state }),
  page: async (_client, _state, from) => Array.from({ length: ITEMS }, (_, at) => itemOf(at)).slice(from),
  acknowledge: async () => undefined,
  map: async (_client, pairs) => pairs.map(() => ({ status: 200 })),
  finish: async () => undefined,
  suspend: async () => undefined,
  allowEmpty: async () => false,
}

function itemOf(at: number): ItemForClient {
  return { command: 'Add', id: `guid-${at}`, type: 'text/vcard', octets: encodeUtf8(CONTENT) }
}

/** The device's side: login and Alert, Items in two messages, then Statuses for what came until nothing comes. */
async function playSession(omads: Omads, encoding: Encoding, sessionId: string): Promise<void> {
  let answer: Message | undefined
  let url = ADDRESS
  for (let msgId = 1; msgId <= 8; msgId++) {
    const commands = [...statusesFor(answer), ...(msgId === 1 ? [alert()] : msgId <= 3 ? [sync(msgId)] : [])]
    if (commands.length === 0) return
    const bytes = encodeMessage(messageOf(commands, sessionId, msgId), encoding)
    const reply = await omads({ bytes, contentType: contentTypeOf(encoding), url, remoteAddress: '127.0.0.1' })
    if (reply.status !== 200) return
    answer = decodeMessage(reply.bytes, encoding)
    url = answer.header.respUri ?? url
    await nextTurn()
  }
}

function messageOf(commands: readonly Command[], sessionId: string, msgId: number): Message {
  const cred = {
    meta: { format: 'b64', type: AUTH_BASIC },
    data: { kind: 'text', text: basicCredential(DEVICE, DEVICE) },
  } as const
  return {
    header: {
      verDtd: '1.2',
      verProto: 'SyncML/1.2',
      sessionId,
      msgId: String(msgId),
      target: { locUri: ADDRESS },
      source: { locUri: DEVICE, locName: DEVICE },
      meta: { maxMsgSize: 150_000, maxObjSize: 4_000_000 },
      ...(msgId === 1 && { cred }),
    },
    commands: commands.map((command, at) => ({ ...command, cmdId: String(at + 1) })),
    final: msgId !== 2,
  }
}

function alert(): Command {
  const item = { target: { locUri: URI }, source: { locUri: URI }, meta: { anchor: { next: '1' } } }
  return { name: 'Alert', cmdId: '', data: '201', items: [item] }
}

function sync(msgId: number): Command {
  const commands = Array.from(
    { length: ITEMS },
    (_, at): Command => ({
      name: 'Add',
      cmdId: String(1000 + at),
      meta: { type: 'text/vcard' },
      items: [{ source: { locUri: `luid-${msgId}-${at}` }, data: { kind: 'text', text: CONTENT } }],
    }),
  )
  const location = { locUri: URI }
  return { name: 'Sync', cmdId: '', target: location, source: location, numberOfChanges: 2 * ITEMS, commands }
}

/** Statuses for the header and each command of `answer`; none if it asks for nothing. */
function statusesFor(answer: Message | undefined): StatusCommand[] {
  if (answer === undefined) return []
  const msgRef = answer.header.msgId
  const asked = answer.commands.flatMap((command) =>
    command.name === 'Sync' ? [command, ...command.commands] : command.name === 'Status' ? [] : [command],
  )
  const status = (cmd: string, cmdRef: string): StatusCommand => {
    return { name: 'Status', cmdId: '', msgRef, cmdRef, cmd, targetRefs: [], sourceRefs: [], data: 200, items: [] }
  }
  return [
    status('SyncHdr', '0'),
    ...asked.flatMap((command) => ('cmdId' in command ? status(command.name, command.cmdId) : [])),
  ]
}
