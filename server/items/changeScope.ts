/** What the changes of one message share: the device's row, what it can hold, who writes (IT-10). */

import { hash } from 'node:crypto'
import type { ItemConflictPolicy, ItemSyncType } from '../datastore/syncDatastore.ts'
import type { ClientRow } from './clientRow.ts'
import type { ClientAbilities, ContentRules } from './content.ts'
import { findByLuid } from './deviceMap.ts'
import type { ItemFile } from './itemFile.ts'
import type { ItemRow } from './itemRows.ts'
import type { ItemCallContext } from './jobInput.ts'
import type { StoreName } from './stores.ts'
import { takingStores } from './storesOf.ts'

export interface ChangeScope {
  readonly file: ItemFile
  readonly rules: ContentRules
  readonly row: ClientRow
  readonly deviceId: string
  readonly now: number
  readonly policy: ItemConflictPolicy
  /** Whole sets are compared: nobody can say which side changed. */
  readonly slow: boolean
  /** Stores that may take what the device sends here. */
  readonly stores: readonly StoreName[]
  /** Digest of what the device can hold; empty if it said nothing. */
  readonly abilitiesDigest: string
  abilities(): ClientAbilities | undefined
  /** Items removed by this message. */
  deleted: number
  /** Stores the device sent Items for. */
  evidence: number
  /** Items that no LUID had named in this run when this message came; what it adds itself is named. */
  unnamed: number | undefined
  /** Match keys are there for every Item that a slow sync may ask for. */
  matchable: boolean
}

export function openChange(
  file: ItemFile,
  rules: ContentRules,
  context: ItemCallContext,
  row: ClientRow,
  type: ItemSyncType,
): ChangeScope {
  return {
    file,
    rules,
    row,
    deviceId: context.client.deviceId,
    now: context.now,
    policy: type === 203 ? 'client-wins' : context.policy,
    slow: type === 201 || type === 203,
    stores: takingStores(context.client.uri),
    abilitiesDigest: abilitiesDigest(row.abilities, context.client.deviceId),
    abilities: lazyAbilities(row.abilities),
    deleted: 0,
    evidence: row.evidence,
    unnamed: undefined,
    matchable: false,
  }
}

/** The abilities a row keeps, parsed when somebody asks. */
export function lazyAbilities(json: string): () => ClientAbilities | undefined {
  let parsed: ClientAbilities | undefined
  return () => {
    if (parsed === undefined && json !== '') parsed = JSON.parse(json) as ClientAbilities
    return parsed
  }
}

/** Short name of what a device can hold: equal for devices of the same abilities. One that said nothing is like no other. */
export function abilitiesDigest(json: string, deviceId: string): string {
  const silent = json === '' || json.includes('"ctCaps":[]')
  return hash('sha256', silent ? `${json}\n${deviceId}` : json, 'hex').slice(0, 16)
}

/**
 * The Item of a parent's LUID: null at the root, undefined if the device has no such folder (IT-15).
 */
export function findParent(scope: ChangeScope, parent: string | undefined): string | null | undefined {
  if (parent === undefined || parent === '' || parent === '/') return null
  return findByLuid(scope.file, scope.row.client, parent)?.id
}

/** A writer's mark for new content of this device. */
export function writerOf(scope: ChangeScope, editedAt: number, merged: boolean) {
  const { deviceId, now, abilitiesDigest: digest } = scope
  return { deviceId, now, editedAt, abilities: merged ? '' : digest }
}

/** The Item as the decisions see it. */
export function versionOf(item: ItemRow | undefined): { changed: number; editedAt: number } | undefined {
  return item && { changed: item.changed, editedAt: item.editedAt }
}
