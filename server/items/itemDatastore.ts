/**
 * Fills the port of Items for one view of an account's stores: each call is one job on the account's copy (IT-16).
 */

import { MAX_ITEM_BYTES } from '../../schemas/limits.ts'
import type { ContentType, CtCap } from '../../schemas/syncml/message.ts'
import type { ContentSource } from '../backup/jobs.ts'
import type { DatastoreState, ItemContent } from '../datastore/datastore.ts'
import type { ClientItemChange, ItemClient, ItemConflictPolicy, SyncDatastore } from '../datastore/syncDatastore.ts'
import type { Spool } from '../storage/spool.ts'
import type { ClientAbilities } from './content.ts'
import type { ItemCopy } from './itemCopy.ts'
import type { ItemCallName, ItemCalls, JobChange, RunState } from './jobInput.ts'
import { capOf } from './storeCaps.ts'
import { lockOf, type StoreView } from './stores.ts'
import { USUAL_ID_CHARS } from './temporaryId.ts'

export interface ItemDatastoreParts {
  readonly copy: ItemCopy
  readonly spool: Pick<Spool, 'locate'>
  /** What is done about conflicts in this datastore of this account. */
  policyOf(account: Pick<ItemClient, 'accountId' | 'accountName'>, uri: string): ItemConflictPolicy
}

const FILTER_GRAMMARS = [{ ctType: 'syncml:filtertype-cgi', verCt: '1.0' }]

/** The datastore of a view. */
export function createItemDatastore(parts: ItemDatastoreParts, view: StoreView): SyncDatastore {
  const uri = `./${view.name}`
  const run = <Name extends ItemCallName>(
    call: Name,
    client: ItemClient,
    input: ItemCalls[Name]['input'],
  ): Promise<ItemCalls[Name]['output']> =>
    parts.copy.run({
      call,
      peer: client,
      client: { deviceId: client.deviceId, uri, sourceUri: client.sourceUri },
      policy: parts.policyOf(client, uri),
      input,
    })
  return {
    kind: 'items',
    uri,
    displayName: view.displayName,
    lock: lockOf(view),
    syncTypes: [200, 201, 202, 203, 204, 205],
    contentTypes: view.contentTypes,
    ctCaps: view.contentTypes.map(capOf),
    filterGrammars: FILTER_GRAMMARS,
    hierarchical: view.hierarchical,
    maxObjSize: MAX_ITEM_BYTES,
    decide: (client, request) => run('decide', client, { request, abilities: abilitiesOf(client, view) }),
    apply: async (client, state, changes, { atomic = false } = {}) => {
      const input = { state: runOf(state), changes: changes.map((change) => toJob(parts, change)), atomic }
      const { statuses } = await run('apply', client, input)
      return { outcomes: statuses.map((status) => ({ status })), state }
    },
    close: async (client, state) => {
      const { total, status } = await run('close', client, {
        state: runOf(state),
        abilities: abilitiesOf(client, view),
      })
      return { total, status, state }
    },
    page: async (client, state, from, { count, maxBytes }) =>
      (await run('page', client, { state: runOf(state), from, count, maxBytes })).items,
    acknowledge: async (client, state, answers) => {
      if (answers.length > 0) await run('acknowledge', client, { state: runOf(state), answers })
    },
    map: async (client, pairs) =>
      pairs.length === 0 ? [] : (await run('map', client, { pairs })).statuses.map((status) => ({ status })),
    finish: async (client, state) => {
      await run('finish', client, { state: runOf(state) })
      await parts.copy.settle(client.accountId)
    },
    // All that counts lies in the copy already; only the catalogue may be behind.
    suspend: (client) => parts.copy.settle(client.accountId),
    allowEmpty: async (peer, allowed) =>
      (await run('allowEmpty', { ...peer, sourceUri: '' }, { once: allowed })).datastores > 0,
  }
}

function runOf({ client, run, type }: DatastoreState): RunState {
  return { client: Number(client), run: Number(run), type: Number(type) as RunState['type'] }
}

function toJob(parts: ItemDatastoreParts, change: ClientItemChange): JobChange {
  return change.kind === 'put' ? { ...change, content: locate(parts, change.content) } : change
}

function locate(parts: ItemDatastoreParts, content: ItemContent): ContentSource {
  return content.kind === 'inline' ? content : { kind: 'spool', ...parts.spool.locate(content.spoolId) }
}

/** What the device said it takes and holds; of a device that said nothing, what its datastore usually has. */
function abilitiesOf({ described, ctCaps = [] }: ItemClient, view: StoreView): ClientAbilities {
  const rx = described === undefined ? [] : [described.rxPref, ...described.rx].filter((type) => type !== undefined)
  const accepts = rx.map(({ ctType, verCt }: ContentType) => [ctType.toLowerCase(), verCt] as const)
  const caps: readonly CtCap[] = described !== undefined && described.ctCaps.length > 0 ? described.ctCaps : ctCaps
  const types = accepts.length > 0 ? accepts : view.contentTypes
  const { maxGuidSize = USUAL_ID_CHARS } = described ?? {}
  const short = maxGuidSize < USUAL_ID_CHARS ? { maxGuidSize } : {}
  return {
    ...short,
    accepts: types,
    ctCaps: caps.filter(({ ctType }) => types.some(([type]) => type === ctType.toLowerCase())),
  }
}
