/**
 * The commands that open a session: device information if the server does not know it, and the Alert.
 */

import { formatChoiceEmi } from '../../schemas/backupChoice.ts'
import { MAX_POSITIONS } from '../../schemas/limits.ts'
import { isSuccess } from '../../schemas/syncml/codes.ts'
import { devInfTypeOf } from '../../schemas/syncml/contentType.ts'
import type { AlertCommand, Command } from '../../schemas/syncml/message.ts'
import { formatPositionEmi, type PositionChain, parsePositionEmi } from '../../schemas/syncml/position.ts'
import { type Answer, type Conversation, malformed } from './conversation.ts'
import { devInfDigest } from './serverMemory.ts'
import type { SessionRequest } from './sessionRequest.ts'

/** Put (at first contact or after a change) and Alert. */
export function openingCommands(conversation: Conversation): Command[] {
  const { request, memory } = conversation
  const { devInf } = request
  const alert = alertOf(request)
  if (devInf === undefined || devInfDigest(devInf) === memory.devInfDigest) return [alert]
  const put: Command = {
    name: 'Put',
    cmdId: '',
    meta: { type: devInfTypeOf('wbxml') },
    items: [{ source: { locUri: './devinf12' }, data: { kind: 'devInf', devInf } }],
  }
  return [put, alert]
}

function alertOf({ transfer, datastore, localUri, last, next, position, choice }: SessionRequest): AlertCommand {
  const chosen = choice && formatChoiceEmi(choice)
  const emi = [...(position ? [formatPositionEmi(position)] : []), ...(chosen === undefined ? [] : [chosen])]
  return {
    name: 'Alert',
    cmdId: '',
    data: String(transfer.type),
    items: [
      {
        target: { locUri: datastore },
        source: { locUri: localUri },
        meta: {
          anchor: { ...(last === undefined ? {} : { last }), next },
          ...(emi.length === 0 ? {} : { emi }),
        },
      },
    ],
  }
}

/** What the server said to our Alert. */
export interface AlertReply {
  readonly status: number
  readonly position: PositionChain | undefined
}

/**
 * Reads the Status of our Alert, takes note of the server's own and owes it a Status.
 *
 * @throws {CodedError} `protocol.malformed` without a Status, or if the server wants to write where it was only given.
 */
export function readAlertReply(conversation: Conversation, answer: Answer, cmdId: string): AlertReply {
  const { request } = conversation
  const status = answer.statusOf(answer.msgId, cmdId)
  if (!status) throw malformed('no status for the alert')
  let position: PositionChain | undefined
  for (const command of answer.message.commands) {
    if (command.name !== 'Alert' || !/^20[0-5]$/.test(command.data ?? '')) continue
    const [item] = command.items
    // What the device gives away is never overwritten by the server (reference 3.3).
    if (request.transfer.kind === 'send' && command.data !== '202' && command.data !== '203') {
      throw malformed(`alert ${command.data} in a session from the client`)
    }
    for (const emi of item?.meta?.emi ?? []) position ??= parsePositionEmi(emi, MAX_POSITIONS)
    if (command.noResp) continue
    const refs = { targetRef: item?.target?.locUri, sourceRef: item?.source?.locUri }
    conversation.owe(conversation.statusFor(answer.message, command, 200, refs))
  }
  return { status: status.data, position }
}

/**
 * The answer to package 1 that counts: of a server that must prove itself, the one with the proof. A refusal needs none,
 * since nothing is given after it.
 */
export async function openingAnswer(conversation: Conversation, answer: Answer, cmdId: string): Promise<Answer> {
  const status = answer.statusOf(answer.msgId, cmdId)?.data
  return status !== undefined && isSuccess(status) ? conversation.provenAnswer(answer) : answer
}

/** CmdID of the Alert in a composed message. */
export function alertCmdId(commands: readonly Command[]): string {
  return commands.find((c) => c.name === 'Alert')?.cmdId ?? ''
}

/** Remembers that the server knows our device information, if it took it. */
export async function rememberPut(
  conversation: Conversation,
  answer: Answer,
  commands: readonly Command[],
): Promise<void> {
  const put = commands.find((c) => c.name === 'Put')
  const { devInf } = conversation.request
  if (!put || !devInf || answer.statusOf(answer.msgId, put.cmdId)?.data !== 200) return
  await conversation.rememberDevInf(devInfDigest(devInf))
}
