/**
 * The messages of traces as sealed objects, a folder for each trace, the newest of them (TR-3, TR-4, TR-6).
 */

import { createHash, randomBytes } from 'node:crypto'
import type { TracedExchange } from '../../schemas/http/operator.ts'
import { MAX_TRACE_BYTES, MAX_TRACE_MESSAGES } from '../../schemas/limits.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { Storage } from '../storage/storage.ts'
import type { TraceRow } from './traces.ts'

export type TraceOwner = Pick<TraceRow, 'accountId' | 'deviceId'>

export interface TraceFiles {
  /** Keeps one more message; the oldest go. */
  add(owner: TraceOwner, message: TracedExchange): Promise<void>
  /** Messages noted since a moment, oldest first. @throws {CodedError} `storage.corrupt`. */
  list(owner: TraceOwner, since: number): Promise<readonly TracedExchange[]>
  /** Removes those noted before a moment. */
  removeBefore(owner: TraceOwner, before: number): Promise<void>
}

/** Messages in `storage`, under keys that follow from the master key. */
export function createTraceFiles(storage: Storage, keyRing: Pick<KeyRing, 'seal' | 'open'>): TraceFiles {
  const sizes = new Map<string, Map<string, number>>()
  let count = 0
  /** Sizes of the objects of a trace by name, oldest first; read once. */
  const sizesOf = async (folder: string): Promise<Map<string, number>> => {
    const known = sizes.get(folder)
    if (known !== undefined) return known
    const found = new Map<string, number>()
    for (const name of await namesIn(storage, folder)) found.set(name, (await storage.get(name))?.length ?? 0)
    sizes.set(folder, found)
    return found
  }
  return {
    async add(owner, message) {
      const folder = folderOf(owner)
      const held = await sizesOf(folder)
      // Names sort by time, then by number; the rest keeps apart what two processes note in one millisecond.
      count = (count + 1) % 1_000_000
      const place = `${String(message.at).padStart(15, '0')}-${String(count).padStart(6, '0')}`
      const name = `${folder}/${place}-${randomBytes(4).toString('hex')}`
      const sealed = keyRing.seal(Buffer.from(JSON.stringify(message)), contextOf(name))
      await storage.put(name, sealed, { durable: false })
      held.set(name, sealed.length)
      for (const oldest of surplus(held)) {
        held.delete(oldest)
        await storage.delete(oldest)
      }
    },
    async list(owner, since) {
      const folder = folderOf(owner)
      const messages: TracedExchange[] = []
      for (const name of await namesIn(storage, folder)) {
        if (timeOf(name) < since) continue
        const sealed = await storage.get(name)
        // Gone since: the newest push the oldest out.
        if (sealed === undefined) continue
        const text = Buffer.from(keyRing.open(sealed, contextOf(name))).toString('utf8')
        messages.push(JSON.parse(text) as TracedExchange)
      }
      return messages
    },
    async removeBefore(owner, before) {
      const folder = folderOf(owner)
      for (const name of await namesIn(storage, folder)) {
        if (timeOf(name) >= before) continue
        sizes.get(folder)?.delete(name)
        await storage.delete(name)
      }
    },
  }
}

async function namesIn(storage: Storage, folder: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const name of storage.list(`${folder}/`)) names.push(name)
  return names.sort()
}

/** What is beyond the bounds, oldest first. */
function surplus(held: ReadonlyMap<string, number>): readonly string[] {
  const gone: string[] = []
  let bytes = [...held.values()].reduce((sum, size) => sum + size, 0)
  for (const [name, size] of held) {
    if (held.size - gone.length <= MAX_TRACE_MESSAGES && bytes <= MAX_TRACE_BYTES) break
    gone.push(name)
    bytes -= size
  }
  return gone
}

/** Device ids hold any character: a digest is a name everywhere. */
function folderOf({ accountId, deviceId }: TraceOwner): string {
  return createHash('sha256')
    .update(JSON.stringify([accountId, deviceId]))
    .digest('hex')
    .slice(0, 32)
}

function timeOf(name: string): number {
  return Number(name.slice(name.indexOf('/') + 1, name.indexOf('-')))
}

/** The name is bound to the octets: a message cannot stand in another's place. */
function contextOf(name: string): string {
  return `trace:${name}`
}
