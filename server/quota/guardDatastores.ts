/**
 * Datastores that go by quotas: what would be beyond one is refused when the device asks, before anything of it comes.
 * Rules QT-5, QT-7.
 */

import { CodedError, errorEntry } from '../../schemas/errors.ts'
import type { DatastoreRegistry, Peer } from '../datastore/datastore.ts'
import type { ItemSyncDecision, SyncDatastore } from '../datastore/syncDatastore.ts'
import type { StoreWish } from './quotaRules.ts'
import type { QuotaService } from './quotaService.ts'

/** The datastores of `registry`, within the quotas of whoever asks. */
export function guardDatastores(registry: DatastoreRegistry, quotas: QuotaService): DatastoreRegistry {
  return {
    list: (peer) => registry.list(peer),
    async find(peer, uri) {
      const datastore = await registry.find(peer, uri)
      return datastore && guard(datastore, quotas)
    },
  }
}

function guard(datastore: SyncDatastore, quotas: QuotaService): SyncDatastore {
  return {
    ...datastore,
    async decide(client, request) {
      // Nothing is stored for a device that only takes.
      if (request.type === 204 || request.type === 205) return datastore.decide(client, request)
      const kind = datastore.kind === 'object' && request.type === 203 ? 'whole' : 'changes'
      const refused = await refusalOf(datastore, quotas, client, kind)
      if (refused !== undefined) return { status: refused }
      return withinUpload(await datastore.decide(client, request), await quotas.uploadBytes(client, kind))
    },
  }
}

async function refusalOf(
  { displayName }: SyncDatastore,
  quotas: QuotaService,
  peer: Peer,
  kind: StoreWish['kind'],
): Promise<420 | undefined> {
  try {
    const isNew = kind === 'whole' && !(await quotas.has(peer, displayName))
    await quotas.admit(peer, kind === 'whole' ? { kind, isNew, bytes: 0 } : { kind })
    return undefined
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'quota.exceeded') return errorEntry(cause.code).status as 420
    throw cause
  }
}

function withinUpload(decision: ItemSyncDecision, uploadBytes: number | undefined): ItemSyncDecision {
  if (uploadBytes === undefined || (decision.status !== 200 && decision.status !== 508)) return decision
  return { ...decision, maxObjSize: Math.min(decision.maxObjSize ?? uploadBytes, uploadBytes) }
}
