/** Which stores a device's datastore shows: always the view's own, others once the device sent Items for them here. */

import { CodedError } from '../../schemas/errors.ts'
import { findStoreView, type StoreName, type StoreView, storeNumber } from './stores.ts'

/** The view of a canonical URI. @throws {CodedError} `datastore.unknown`. */
export function viewOf(uri: string): StoreView {
  const view = findStoreView(uri)
  if (view === undefined) throw new CodedError('datastore.unknown', `there is no datastore ${uri}`)
  return view
}

/** The stores whose Items the device gets. */
export function storesOf(uri: string, evidence: number): StoreName[] {
  const { stores, onEvidence } = viewOf(uri)
  return [...stores, ...onEvidence.filter((store) => (evidence & evidenceOf(store)) !== 0)]
}

/** Every store that may take what a device sends here. */
export function takingStores(uri: string): StoreName[] {
  const { stores, onEvidence } = viewOf(uri)
  return [...stores, ...onEvidence]
}

/** The bit that says a device sent an Item for this store. */
export function evidenceOf(store: StoreName): number {
  return 1 << storeNumber(store)
}
