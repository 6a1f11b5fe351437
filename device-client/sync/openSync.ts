/**
 * Packages 1 and 2: who we are, what we want, and what the server makes of it (reference 3.5, 3.6, 5.4). A challenge
 * begins the session anew, for servers that know it by RespURI only. Rules DC-62, DC-63.
 */

import { CodedError, type ErrorCode } from '../../schemas/errors.ts'
import { ALERT, isSuccess, STATUS } from '../../schemas/syncml/codes.ts'
import { devInfTypeOf } from '../../schemas/syncml/contentType.ts'
import type { Command } from '../../schemas/syncml/message.ts'
import { type Answer, malformed } from '../session/conversation.ts'
import { refusalOf } from '../session/refusal.ts'
import { devInfDigest } from '../session/serverMemory.ts'
import { type AskedAlert, chooseType, modeOf } from './syncMode.ts'
import type { SyncRun } from './syncRun.ts'
import { takeAnswer } from './takeAnswer.ts'

/** A resume that is refused with an Alert for what may be done instead; libsynthesis has a Status of its own for it. */
const RESUME_REFUSED = 509

/** Statuses of servers that know no resume (reference 3.14). */
const NO_RESUME: readonly number[] = [
  STATUS.commandNotAllowed,
  STATUS.optionalFeatureNotSupported,
  STATUS.commandFailed,
  STATUS.commandNotImplemented,
]

const MEANINGS: Readonly<Record<number, ErrorCode>> = {
  [STATUS.notFound]: 'datastore.unknown',
  [STATUS.commandNotAllowed]: 'config.invalid',
  [STATUS.optionalFeatureNotSupported]: 'config.invalid',
}

/**
 * Opens the session; `run.type` is what it goes on as. False if the server knows no resume: it is to be asked again,
 * for a slow sync.
 * @throws {CodedError} `auth.*`, `datastore.unknown`, `session.busy`, `config.invalid` for a mode the server has not,
 *   `protocol.malformed` if it would write where it was only given.
 */
export async function openSync(run: SyncRun, asked: AskedAlert, next: string): Promise<boolean> {
  let answer = await introduce(run, asked, next)
  let brought = await takeAnswer(run, answer)
  while (!answer.message.final) {
    answer = await run.dialogue.next(brought)
    brought = await takeAnswer(run, answer)
  }
  const status = run.alertStatus
  if (status === undefined) throw malformed('no status for the alert')
  if (asked.code === ALERT.resume && NO_RESUME.includes(status)) return false
  if (asked.code === ALERT.resume && status === RESUME_REFUSED && run.offered === undefined) return false
  const goesOn = status === STATUS.refreshRequired || (asked.code === ALERT.resume && status === RESUME_REFUSED)
  if (!goesOn && !isSuccess(status)) throw refusalOf(status, MEANINGS)
  const type = chooseType(asked, status, run.offered)
  if (type === undefined) {
    throw new CodedError('protocol.malformed', `the server wants alert ${run.offered} for ${modeOf(asked.type)}`, {
      next: 'Choose another --mode.',
    })
  }
  run.type = type
  return true
}

/** Package 1, again after each challenge. */
async function introduce(run: SyncRun, asked: AskedAlert, next: string): Promise<Answer> {
  const { dialogue, request } = run
  for (;;) {
    const plan = dialogue.plan()
    const { conversation } = dialogue
    if (conversation.memory.devInfDigest !== devInfDigest(request.devInf)) plan.add(putOf(run), { kind: 'put' })
    if (run.ports.state.link().takes === undefined) plan.add(getOf(run), { kind: 'get' })
    plan.add(alertOf(run, asked, next), { kind: 'alert' })
    const answer = await dialogue.say(plan, true)
    if (answer.header.kind !== 'challenged') return answer
    dialogue.restart()
  }
}

function devInfType({ dialogue }: SyncRun): string {
  return devInfTypeOf(dialogue.conversation.codec.encoding)
}

function putOf(run: SyncRun): Command {
  const { devInf } = run.request
  const items = [{ source: { locUri: './devinf12' }, data: { kind: 'devInf', devInf } as const }]
  return { name: 'Put', cmdId: '', meta: { type: devInfType(run) }, items }
}

function getOf(run: SyncRun): Command {
  return { name: 'Get', cmdId: '', meta: { type: devInfType(run) }, items: [{ target: { locUri: './devinf12' } }] }
}

function alertOf({ request }: SyncRun, { code, last }: AskedAlert, next: string): Command {
  const { maxObjSize } = request.peer
  const item = {
    target: { locUri: request.stores.remote },
    source: { locUri: request.stores.local },
    meta: {
      anchor: { ...(last === undefined ? {} : { last }), next },
      ...(maxObjSize === undefined ? {} : { maxObjSize }),
    },
  }
  return { name: 'Alert', cmdId: '', data: String(code), items: [item] }
}
