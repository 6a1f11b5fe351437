/**
 * Which policy settles conflicts (IT-4): one for all, for a datastore of every account, or for one of one account; the
 * most exact one counts.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { ItemConflictPolicy } from '../datastore/syncDatastore.ts'

const POLICIES: readonly ItemConflictPolicy[] = ['client-wins', 'server-wins', 'newest-wins', 'duplicate']

/** Gives the policy of an account's datastore. */
export type ChoosePolicy = (account: { readonly accountName: string }, uri: string) => ItemConflictPolicy

/**
 * Reads entries `POLICY`, `DATASTORE=POLICY` and `ACCOUNT/DATASTORE=POLICY`, e.g. `newest-wins`, `calendar=duplicate`.
 * @throws {CodedError} `config.invalid` for a policy that is none.
 */
export function readConflictPolicies(entries: readonly string[]): ChoosePolicy {
  const policies = new Map<string, ItemConflictPolicy>()
  for (const entry of entries) {
    const [, place = '', name = ''] = /^(?:(.*)=)?([^=]*)$/.exec(entry.trim()) ?? []
    const policy = POLICIES.find((known) => known === name.trim())
    if (policy === undefined) {
      const fields = { setting: 'conflictPolicy' }
      throw new CodedError('config.invalid', `${entry} is no conflict policy: ${POLICIES.join(', ')}`, { fields })
    }
    policies.set(place.trim().toLowerCase(), policy)
  }
  return ({ accountName }, uri) => {
    const name = uri.replace(/^\.\//, '').toLowerCase()
    const found = policies.get(`${accountName.toLowerCase()}/${name}`) ?? policies.get(name) ?? policies.get('')
    return found ?? 'client-wins'
  }
}
