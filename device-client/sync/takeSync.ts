/**
 * A Sync of the server: its items are put together from their parts, carried out and answered one by one
 * (reference 3.8, 3.11). Rules DC-63, DC-66.
 */

import { CodedError, errorEntry } from '../../schemas/errors.ts'
import { MAX_ITEM_BYTES } from '../../schemas/limits.ts'
import { wouldEmpty } from '../../schemas/suddenlyEmpty.ts'
import { fromBase64 } from '../../schemas/syncml/base64.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import { effectiveMeta } from '../../schemas/syncml/effectiveMeta.ts'
import type { Command, Item, ItemCommand, Message, SyncCommand } from '../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import { applyAdd, applyDelete, applyReplace } from './applyItem.ts'
import type { WireContent } from './syncApp.ts'
import { takesChanges } from './syncMode.ts'
import { noteFailure } from './syncReport.ts'
import type { ArrivingObject, SyncRun } from './syncRun.ts'

export async function takeSync(run: SyncRun, message: Message, sync: SyncCommand): Promise<void> {
  const refs = { targetRef: sync.target?.locUri, sourceRef: sync.source?.locUri }
  run.dialogue.answer(message, sync, STATUS.ok, refs)
  const guarded = !run.request.allowEmpty && emptiesUs(run, sync.commands)
  await takeCommands(run, message, sync.commands, guarded)
}

/** Deletions are looked at together: none of those that would cross the line is obeyed. */
function emptiesUs({ scan, deleted, ports }: SyncRun, commands: readonly Command[]): boolean {
  const all = commands.flatMap((c) => (c.name === 'Sequence' ? c.commands : [c]))
  const named = all.flatMap((c) => (c.name === 'Delete' ? c.items : [])).map(({ target }) => target?.locUri ?? '')
  const deletes = named.filter((luid) => ports.state.digestOf(luid) !== undefined).length
  const before = scan.digests.size
  return deletes > 0 && wouldEmpty(before, before - deleted - deletes)
}

async function takeCommands(
  run: SyncRun,
  message: Message,
  commands: readonly Command[],
  guarded: boolean,
): Promise<void> {
  for (const command of commands) {
    switch (command.name) {
      case 'Add':
      case 'Replace':
        for (const item of command.items) answer(run, message, command, item, await takePut(run, command, item))
        break
      case 'Delete':
        for (const item of command.items) answer(run, message, command, item, await takeDelete(run, item, guarded))
        break
      case 'Sequence':
        run.dialogue.answer(message, command, STATUS.ok)
        await takeCommands(run, message, command.commands, guarded)
        break
      default:
        run.dialogue.answer(message, command, STATUS.optionalFeatureNotSupported)
    }
  }
}

function answer(run: SyncRun, message: Message, command: Command, item: Item, status: number): void {
  run.dialogue.answer(message, command, status, { targetRef: item.target?.locUri, sourceRef: item.source?.locUri })
}

async function takeDelete(run: SyncRun, item: Item, guarded: boolean): Promise<number> {
  const luid = item.target?.locUri
  if (luid === undefined) return STATUS.incompleteCommand
  if (!takesChanges(run.type)) return STATUS.forbidden
  if (!guarded) return applyDelete(run, luid)
  run.tally.refusedDeletes += 1
  run.ports.state.refuse(luid)
  return STATUS.forbidden
}

async function takePut(run: SyncRun, command: ItemCommand, item: Item): Promise<number> {
  const id = item.target?.locUri ?? item.source?.locUri
  if (id === undefined) return STATUS.incompleteCommand
  if (!takesChanges(run.type)) return STATUS.forbidden
  const meta = effectiveMeta(command, item)
  // A part of an item was never announced.
  if (meta.fieldLevel === true) return STATUS.optionalFeatureNotSupported
  const object = collect(run, id, item, meta)
  if (typeof object === 'number') return object
  try {
    if (command.name === 'Replace' && item.target !== undefined) return await applyReplace(run, id, object)
    return await applyAdd(run, item.source?.locUri ?? id, object)
  } catch (cause) {
    const status = itemStatus(cause)
    if (status === undefined) throw cause
    noteFailure(run.tally, { luid: id, status, reason: cause instanceof Error ? cause.message : '' })
    return status
  }
}

/** The Status for what concerns one item alone; undefined ends the session. */
function itemStatus(cause: unknown): number | undefined {
  if (!(cause instanceof CodedError)) return undefined
  const ofItem = cause.code === 'content.invalid' || cause.code === 'storage.full' || cause.code.startsWith('protocol.')
  return ofItem ? errorEntry(cause.code).status : undefined
}

interface ObjectMeta {
  readonly type?: string
  readonly format?: string
  readonly size?: number
}

/** The whole item once its last part is there, else the Status of this part. */
function collect(run: SyncRun, id: string, item: Item, meta: ObjectMeta): WireContent | number {
  const started = run.arriving
  if (started !== undefined && started.id !== id) reportBroken(run, item)
  const more = item.moreData === true
  const object = run.arriving ?? begin(id, meta, more)
  run.arriving = more ? object : undefined
  if (object.refused === undefined) append(object, item)
  if (object.refused !== undefined) return object.refused
  return more ? STATUS.chunkAccepted : whole(run, object)
}

function begin(id: string, { type = '', format, size }: ObjectMeta, more: boolean): ArrivingObject {
  const object = { id, type, format, sizeBytes: size, texts: [], parts: [], octets: 0, chunked: more }
  if (more && size === undefined) return { ...object, refused: STATUS.sizeRequired }
  return size !== undefined && size > MAX_ITEM_BYTES ? { ...object, refused: STATUS.requestedSizeTooBig } : object
}

function append(object: ArrivingObject, { data }: Item): void {
  if (data?.kind === 'bytes') object.parts.push(data.bytes)
  if (data?.kind === 'text') object.texts.push(data.text)
  object.octets += data?.kind === 'bytes' ? data.bytes.length : data?.kind === 'text' ? data.text.length : 0
  if (object.octets > MAX_ITEM_BYTES) object.refused = STATUS.requestedSizeTooBig
}

/** The server began another item before the end of this one (reference 3.11). */
function reportBroken(run: SyncRun, next: Item): void {
  run.arriving = undefined
  const { target, source } = next
  const item = { ...(source && { target: source }), ...(target && { source: target }) }
  run.dialogue.owe({ name: 'Alert', cmdId: '', data: '223', items: [item] })
}

function whole(run: SyncRun, object: ArrivingObject): WireContent | number {
  const text = object.texts.join('')
  const octets = text === '' ? joined(object.parts) : octetsOf(text, object.format)
  if (octets === undefined) return STATUS.unsupportedMediaType
  const { sizeBytes, chunked, type } = object
  // A reader of XML has made one octet of each line end, so sizes only tell in WBXML.
  const exact = run.dialogue.conversation.codec.encoding === 'wbxml'
  const sizes = [octets.length, encodeUtf8(text).length]
  if (chunked && exact && sizeBytes !== undefined && !sizes.includes(sizeBytes)) return STATUS.sizeMismatch
  return { type, octets }
}

function octetsOf(text: string, format: string | undefined): Uint8Array | undefined {
  return format === 'b64' ? fromBase64(text) : encodeUtf8(text)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}
