/** The agent's records in the page's IndexedDB. */

import { CodedError } from '../../schemas/errors.ts'
import type { KeyStore } from '../ports.ts'

const STORE = 'records'

/** Fills the port `KeyStore` with the IndexedDB database `name`. Keys outlive the page; the browser may ask its user. */
export function createIndexedDbKeyStore(name = 'nightferry'): KeyStore {
  let opening: Promise<IDBDatabase> | undefined
  const open = () => {
    opening ??= openStore(name)
    return opening
  }
  return {
    get: async (key) => {
      const value: unknown = await request((await open()).transaction(STORE).objectStore(STORE).get(key))
      return value instanceof Uint8Array ? value : undefined
    },
    set: (key, value) => change(open, (store) => store.put(value, key)),
    delete: (key) => change(open, (store) => store.delete(key)),
  }
}

function openStore(name: string): Promise<IDBDatabase> {
  const opening = indexedDB.open(name, 1)
  opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE)
  return request(opening)
}

/** Strict durability: the transaction is complete only when the bytes are on the disk. */
async function change(open: () => Promise<IDBDatabase>, work: (store: IDBObjectStore) => IDBRequest): Promise<void> {
  const transaction = (await open()).transaction(STORE, 'readwrite', { durability: 'strict' })
  const complete = new Promise<void>((fulfil, reject) => {
    transaction.oncomplete = () => fulfil()
    transaction.onabort = () => reject(translate(transaction.error))
  })
  await Promise.all([request(work(transaction.objectStore(STORE))), complete])
}

function request<T>(pending: IDBRequest<T>): Promise<T> {
  return new Promise((fulfil, reject) => {
    pending.onsuccess = () => fulfil(pending.result)
    pending.onerror = () => reject(translate(pending.error))
  })
}

function translate(cause: DOMException | null): CodedError {
  const full = cause?.name === 'QuotaExceededError'
  const message = full ? 'no space left in the storage of this page' : 'the storage of this page does not answer'
  return new CodedError(full ? 'storage.full' : 'storage.unavailable', message, { cause })
}
