/**
 * A simulated SyncML device at the port of Items: keeps Items under LUIDs of its own, notes its changes, sends them,
 * takes what it gets, and behaves after a cut as the reference says (3.6, 3.8, 3.14): what has no Status is sent again,
 * Maps that were not acknowledged come first, anchors count only after the end.
 */

import type {
  ClientItemChange,
  ItemClient,
  ItemForClient,
  ItemSyncDecision,
  ItemSyncRequest,
  ItemSyncType,
  SyncDatastore,
} from '../../server/datastore/syncDatastore.ts'
import { ITEM_ACCOUNT } from './itemBench.ts'

/** The connection broke: before the server got the call, or before its answer came. */
export class Cut extends Error {}

export interface DeviceOptions {
  readonly type?: string
  /** Changes in one message. */
  readonly batch?: number
  readonly client?: Partial<ItemClient>
  /** False: a phone of 1.1, which knows no resume and asks as if nothing had been. */
  readonly resumes?: boolean
  /** What its anchors are; by default a number that grows. Many devices take the time in seconds. */
  readonly anchor?: () => string
  /** Asked before and after each call; true breaks the connection there. */
  cut?: (call: string, moment: 'before' | 'after') => boolean
}

export interface SyncReport {
  readonly decision: ItemSyncDecision
  /** Statuses of the device's changes in order. */
  readonly statuses: readonly number[]
  readonly received: readonly ItemForClient[]
  readonly closeStatus: number
}

interface Local {
  content: string
  dirty: 'new' | 'changed' | undefined
}

export class ItemDevice {
  readonly items = new Map<string, Local>()
  readonly deleted = new Set<string>()
  /** Statuses the server gave, all sessions: what was acknowledged. */
  readonly acknowledged: { readonly luid: string; readonly content: string }[] = []
  readonly #datastore: SyncDatastore
  readonly #options: DeviceOptions
  readonly #client: ItemClient
  #pendingMaps: { guid: string; luid: string }[] = []
  #given = new Map<string, string>()
  #last: string | undefined
  /** The server's anchor of then. */
  #serverLast: string | undefined
  #interrupted: ItemSyncType | undefined
  /** LUIDs that have their Status in a sync of the whole set that was interrupted. */
  #settled = new Set<string>()
  #sequence = 0
  #sessions = 0

  constructor(datastore: SyncDatastore, deviceId: string, options: DeviceOptions = {}) {
    this.#datastore = datastore
    this.#options = options
    this.#client = {
      accountId: ITEM_ACCOUNT,
      accountName: 'alice',
      deviceId,
      sourceUri: './local',
      ...options.client,
    }
  }

  get client(): ItemClient {
    return this.#client
  }

  add(content: string, luid = `${this.#client.deviceId}-${++this.#sequence}`): string {
    this.items.set(luid, { content, dirty: 'new' })
    return luid
  }

  edit(luid: string, content: string): void {
    const held = this.items.get(luid)
    if (held === undefined) throw new Error(`the device has no ${luid}`)
    this.items.set(luid, { content, dirty: held.dirty ?? 'changed' })
  }

  remove(luid: string): void {
    // Also what has no Status yet: the server may have it, its answer was lost.
    this.deleted.add(luid)
    this.items.delete(luid)
  }

  /** All contents, sorted. */
  contents(): string[] {
    return [...this.items.values()].map(({ content }) => content).sort()
  }

  /** Forgets what was not sent: maps, anchors; as a device that was reset but kept its Items, under new LUIDs. */
  reset(): void {
    const contents = [...this.items.values()].map(({ content }) => content)
    this.items.clear()
    this.deleted.clear()
    this.#pendingMaps = []
    this.#given.clear()
    this.#last = undefined
    this.#serverLast = undefined
    this.#interrupted = undefined
    this.#settled.clear()
    for (const content of contents) this.add(content)
  }

  loseMaps(): void {
    this.#pendingMaps = []
  }

  /** One session. @throws {Cut} where the connection broke. */
  async sync(type: ItemSyncType = 200, extra: Partial<ItemSyncRequest> = {}): Promise<SyncReport> {
    const next = this.#options.anchor?.() ?? `n${++this.#sessions}`
    const resumes = this.#interrupted !== undefined && this.#options.resumes !== false
    const asked = resumes ? 'resume' : type
    const request = { type: asked, next, ...(this.#last !== undefined && { last: this.#last }), ...extra } as const
    const decision = await this.#call('decide', () => this.#datastore.decide(this.#client, request))
    if (decision.status !== 200 && decision.status !== 508)
      return { decision, statuses: [], received: [], closeStatus: decision.status }
    // As SyncEvolution does, which then begins anew on its own.
    if (decision.status === 200 && decision.last !== undefined && decision.last !== this.#serverLast)
      throw new Error(`the server says ${decision.last}, it was at ${this.#serverLast}`)
    if (!(resumes && decision.status === 200)) this.#begin(decision.type)
    this.#interrupted = decision.type
    const { state } = decision
    await this.#sendMaps()
    const statuses = await this.#sendChanges(decision.type, state)
    const { total, status } = await this.#call('close', () => this.#datastore.close(this.#client, state))
    const received = await this.#receive(state, total)
    await this.#call('finish', () => this.#datastore.finish(this.#client, state))
    this.#last = next
    this.#serverLast = decision.next
    this.#interrupted = undefined
    this.#settled.clear()
    return { decision, statuses, received, closeStatus: status }
  }

  #begin(type: ItemSyncType): void {
    this.#settled.clear()
    if (type !== 205) return
    this.items.clear()
    this.deleted.clear()
    this.#given.clear()
    this.#pendingMaps = []
  }

  async #call<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#options.cut?.(name, 'before')) throw new Cut(name)
    const result = await work()
    if (this.#options.cut?.(name, 'after')) throw new Cut(name)
    return result
  }

  async #sendMaps(): Promise<void> {
    const pairs = this.#pendingMaps
    if (pairs.length === 0) return
    await this.#call('map', () => this.#datastore.map(this.#client, pairs))
    this.#pendingMaps = []
  }

  async #sendChanges(type: ItemSyncType, state: Parameters<SyncDatastore['close']>[1]): Promise<number[]> {
    if (type === 204 || type === 205) return []
    const changes = this.#listChanges(type === 201 || type === 203)
    const statuses: number[] = []
    const size = this.#options.batch ?? 3
    for (let at = 0; at < changes.length; at += size) {
      const batch = changes.slice(at, at + size)
      const { outcomes } = await this.#call('apply', () => this.#datastore.apply(this.#client, state, batch))
      outcomes.forEach(({ status }, index) => {
        const change = batch[index]
        if (change !== undefined) this.#note(change, status)
      })
      statuses.push(...outcomes.map(({ status }) => status))
    }
    return statuses
  }

  #listChanges(whole: boolean): ClientItemChange[] {
    const puts = [...this.items]
      .filter(([luid, { dirty }]) => (whole ? !this.#settled.has(luid) || dirty !== undefined : dirty !== undefined))
      .map(
        ([luid, { content, dirty }]): ClientItemChange => ({
          kind: 'put',
          command: dirty === 'changed' ? 'Replace' : 'Add',
          luid,
          type: this.#options.type ?? 'text/vcard',
          content: { kind: 'inline', bytes: Buffer.from(content) },
          fieldLevel: false,
        }),
      )
    const deletes = [...this.deleted].map(
      (luid): ClientItemChange => ({ kind: 'delete', luid, archive: false, soft: false }),
    )
    return [...deletes, ...puts]
  }

  #note(change: ClientItemChange, status: number): void {
    const done = (status >= 200 && status < 300) || status === 418 || status === 419 || status === 403
    if (!done) return
    if (change.kind === 'delete') this.deleted.delete(change.luid)
    if (change.kind !== 'put') return
    this.#settled.add(change.luid)
    const held = this.items.get(change.luid)
    const sent = change.content.kind === 'inline' ? Buffer.from(change.content.bytes).toString() : ''
    if (held?.content === sent) held.dirty = undefined
    if (status < 300 || status === 418) this.acknowledged.push({ luid: change.luid, content: sent })
  }

  async #receive(state: Parameters<SyncDatastore['close']>[1], total: number): Promise<ItemForClient[]> {
    const received: ItemForClient[] = []
    const limits = { count: this.#options.batch ?? 3, maxBytes: 100_000 }
    while (received.length < total) {
      const from = received.length
      const page = await this.#call('page', () => this.#datastore.page(this.#client, state, from, limits))
      if (page.length === 0) throw new Error(`page ${from} of ${total} is empty`)
      const answers = page.map((item) => ({ command: item.command, id: item.id, status: this.#take(item) }))
      await this.#call('acknowledge', () => this.#datastore.acknowledge(this.#client, state, answers))
      await this.#sendMaps()
      received.push(...page)
    }
    return received
  }

  /** @returns the Status the device gives. */
  #take(item: ItemForClient): number {
    const content = Buffer.from(item.octets).toString()
    if (item.command === 'Delete') {
      this.items.delete(item.id)
      return 200
    }
    if (item.command === 'Replace') {
      if (!this.items.has(item.id)) return 404
      this.items.set(item.id, { content, dirty: undefined })
      return 200
    }
    const had = this.#given.get(item.id)
    const luid = had ?? `${this.#client.deviceId}-${++this.#sequence}`
    this.#given.set(item.id, luid)
    this.items.set(luid, { content, dirty: undefined })
    this.#settled.add(luid)
    this.#pendingMaps.push({ guid: item.id, luid })
    return had === undefined ? 201 : 418
  }
}

/** A vCard of a name and a number. */
export function vcard(name: string, tel = '1'): string {
  return `BEGIN:VCARD\r\nVERSION:3.0\r\nN:${name};Test;;;\r\nFN:Test ${name}\r\nTEL:${tel}\r\nEND:VCARD\r\n`
}
