/**
 * Device information that fits a client's MaxMsgSize: a Results cannot be cut in pieces (OM-30). What the session is
 * not about goes first; a list of properties goes whole or not at all, since clients do not send what is not listed.
 */

import type { CtCap, DevInf, DevInfDataStore } from '../../schemas/syncml/message.ts'

/** `devInf`, then smaller and smaller ones. `uris` name the datastores that the client opened. */
export function* smallerDevInfs(devInf: DevInf, uris: readonly string[]): Generator<DevInf> {
  yield devInf
  const opened = devInf.dataStores.filter(({ sourceRef }) => uris.includes(sourceRef))
  const meant = opened.length > 0 ? opened : devInf.dataStores
  yield withCaps({ ...devInf, dataStores: meant }, (caps) => caps)
  yield withCaps({ ...devInf, dataStores: meant }, (caps) => caps.map(withoutParams))
  yield withCaps({ ...devInf, dataStores: meant }, (caps) => caps.slice(0, 1).map(withoutParams))
  for (let count = meant.length; count > 0; count = count >> 1)
    yield withCaps({ ...devInf, dataStores: meant.slice(0, count) }, () => [])
  yield withCaps({ ...devInf, dataStores: [] }, () => [])
}

function withCaps(devInf: DevInf, choose: (caps: readonly CtCap[]) => readonly CtCap[]): DevInf {
  const dataStores = devInf.dataStores.map((store): DevInfDataStore => ({ ...store, ctCaps: choose(store.ctCaps) }))
  const { ctCaps, ...rest } = devInf
  const types = new Set(devInf.dataStores.flatMap(({ rxPref, rx }) => [rxPref, ...rx].map((type) => type?.ctType)))
  const shared = ctCaps && choose(ctCaps.filter(({ ctType }) => types.has(ctType)))
  return { ...rest, dataStores, ...(shared && shared.length > 0 && { ctCaps: shared }) }
}

function withoutParams(cap: CtCap): CtCap {
  return { ...cap, properties: cap.properties.map((property) => ({ ...property, params: [] })) }
}
