/**
 * A sync of made-up Items on a copy of its own, with the very jobs that devices ask for: what it loads and compiles is
 * ready when the first of them comes. Rule BK-8.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientAbilities, ContentRules } from './content.ts'
import { runItemJob } from './itemJob.ts'
import type { ItemCallName, ItemCalls, ItemJobInput, JobChange, RunState } from './jobInput.ts'
import { keepFilesOpen } from './openFiles.ts'

/** Items of one message, and messages of the first sync: enough for the engine to compile what is used for each. */
const ITEMS = 60
const MESSAGES = 6

/** What is played: a datastore, and how its Items look. */
interface Part {
  readonly uri: string
  readonly type: string
  readonly version: string
  write(number: number, edition: number): string
}

const parts: readonly Part[] = [
  {
    uri: 'contacts',
    type: 'text/vcard',
    version: '3.0',
    write: (number, edition) =>
      lines(
        'BEGIN:VCARD',
        'VERSION:3.0',
        `UID:rehearsal-${number}`,
        'REV:20260101T000000Z',
        `N:Family ${number};Given;;;`,
        `FN:Given Family ${number}`,
        'ORG:Company;Department',
        `TITLE:Edition ${edition}`,
        `EMAIL;TYPE=INTERNET,WORK:person${number}@example.org`,
        'EMAIL;TYPE=HOME:other@example.org',
        `TEL;TYPE=CELL,VOICE:+49 30 ${number}`,
        'TEL;TYPE=WORK,FAX:+49 40 1',
        'ADR;TYPE=HOME:;;Street 1;Town;;12345;Country',
        'BDAY:1980-01-31',
        'URL:https://example.org/',
        'CATEGORIES:One,Two',
        'NOTE:A first line\\nand a second\\, with a comma',
        `PHOTO;ENCODING=b;TYPE=JPEG:${PICTURE}`,
        'X-REHEARSAL:1',
        'END:VCARD',
      ),
  },
  {
    uri: 'calendar',
    type: 'text/calendar',
    version: '2.0',
    write: (number, edition) =>
      lines(
        'BEGIN:VCALENDAR',
        'VERSION:2.0',
        'PRODID:-//Nightferry//Rehearsal//EN',
        'BEGIN:VEVENT',
        `UID:rehearsal-${number}`,
        'DTSTAMP:20260101T000000Z',
        'DTSTART:20260102T100000Z',
        'DTEND:20260102T110000Z',
        `SUMMARY:Meeting ${number}, edition ${edition}`,
        'LOCATION:Room 1',
        'RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=FR',
        'BEGIN:VALARM',
        'ACTION:DISPLAY',
        'DESCRIPTION:Soon',
        'TRIGGER:-PT15M',
        'END:VALARM',
        'END:VEVENT',
        'END:VCALENDAR',
      ),
  },
]

const PICTURE = Buffer.alloc(512, 'nightferry').toString('base64')

function lines(...texts: string[]): string {
  return `${texts.join('\r\n')}\r\n`
}

/** Plays the sync in a folder of its own below `folder`, which it removes. @throws {CodedError} as the jobs do. */
export async function rehearseItems(folder: string, rules: ContentRules): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stage = await mkdtemp(join(folder, 'stage-'))
  const files = keepFilesOpen()
  const copy = { copyPath: join(stage, 'items.db'), copyKey: randomBytes(32).toString('hex') }
  const play: Play = async (call, client, input) => {
    const context = { ...copy, call, client, policy: 'client-wins', now: Date.now(), keepsPast: true }
    const { output } = await runItemJob({ ...context, ...input } as ItemJobInput, rules, files)
    return output as never
  }
  try {
    const [lineage, token] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
    await play('create', { deviceId: 'rehearsal', uri: '', sourceUri: '' }, { lineage, token })
    for (const part of parts) await playPart(play, part)
  } finally {
    files.close()
    await rm(stage, { recursive: true, force: true })
  }
}

type Play = <Name extends ItemCallName>(
  call: Name,
  client: ItemJobInput['client'],
  input: ItemCalls[Name]['input'],
) => Promise<ItemCalls[Name]['output']>

/** A first sync, one with changes, and another device that gets everything. */
async function playPart(play: Play, part: Part): Promise<void> {
  const messages = Array.from({ length: MESSAGES }, (_, message) => put(part, message * ITEMS, ITEMS, 0))
  await playSession(play, part, 'first', { type: 201, next: '1', messages })
  const changes: JobChange[] = [
    ...put(part, 0, ITEMS / 2, 1),
    { kind: 'delete', luid: 'luid-1', archive: false, soft: false },
  ]
  await playSession(play, part, 'first', { type: 200, last: '1', next: '2', messages: [changes] })
  await playSession(play, part, 'second', { type: 201, next: '1', messages: [] })
}

interface Session {
  readonly type: 200 | 201
  readonly last?: string
  readonly next: string
  readonly messages: readonly (readonly JobChange[])[]
}

async function playSession(play: Play, part: Part, deviceId: string, session: Session): Promise<void> {
  const client = { deviceId, uri: part.uri, sourceUri: part.uri }
  const abilities: ClientAbilities = { accepts: [[part.type, part.version]], ctCaps: [] }
  const { messages, ...request } = session
  const decision = await play('decide', client, { request, abilities })
  if (!('state' in decision)) return
  const state = decision.state as unknown as RunState
  for (const changes of messages) await play('apply', client, { state, changes, atomic: false })
  const { total } = await play('close', client, { state, abilities })
  const { items } = await play('page', client, { state, from: 0, count: total, maxBytes: 1024 * 1024 })
  const answers = items.map(({ command, id }) => ({ command, id, status: 201 }))
  await play('acknowledge', client, { state, answers })
  await play('finish', client, { state })
}

function put(part: Part, from: number, count: number, edition: number): JobChange[] {
  return Array.from({ length: count }, (_, at) => ({
    kind: 'put',
    command: edition === 0 ? 'Add' : 'Replace',
    luid: `luid-${from + at}`,
    type: part.type,
    content: { kind: 'inline', bytes: Buffer.from(part.write(from + at, edition)) },
    fieldLevel: false,
  }))
}
