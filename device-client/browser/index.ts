/** The adapters for pages in one place, for bundlers: everything a page gives to the device client. */

export { createBrowserFetch } from './browserFetch.ts'
export { browserClock } from './clock.ts'
export { createIndexedDbKeyStore } from './indexedDbKeyStore.ts'
export { memoryScratch } from './memoryScratch.ts'
export { type BrowserClient, type BrowserClientOptions, openBrowserClient } from './openBrowserClient.ts'
export type { RestoredPageDatabase } from './pageRestoreTarget.ts'
export { pakoGzip } from './pakoGzip.ts'
export { browserRandom } from './random.ts'
export { createSqlJsImager, createSqlJsOpener, exportDatabase, wrapSqlJs } from './sqlJs.ts'
