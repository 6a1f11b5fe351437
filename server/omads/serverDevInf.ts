/**
 * Our own device information, made from what the datastores offer this peer (reference 2.3).
 * Only elements of the DTD: real clients refuse a document with an unknown one.
 */

import type { CtCap, DevInf, DevInfDataStore, SyncmlVersion } from '../../schemas/syncml/message.ts'
import type { SyncDatastore } from '../datastore/syncDatastore.ts'

/** SyncCap numbers of the sync types 200 to 205. */
const SYNC_CAP = { 200: 1, 201: 2, 202: 3, 203: 4, 204: 5, 205: 6 } as const

/** URI under which device information of a version is asked for. */
export function devInfUri(version: SyncmlVersion): string {
  return `./devinf${version.replace('.', '')}`
}

/** True if `uri` names device information of any version, in any of the spellings seen. */
export function isDevInfUri(uri: string): boolean {
  return /^(\.?[/\\])?devinf1[0-2]$/i.test(uri.trim())
}

export function serverDevInf(serverId: string, version: SyncmlVersion, datastores: readonly SyncDatastore[]): DevInf {
  return {
    verDtd: version,
    man: 'Nightferry',
    mod: 'Nightferry',
    oem: '-',
    fwV: '-',
    swV: '1',
    hwV: '-',
    devId: serverId,
    devTyp: 'server',
    // The three flags came with 1.1.
    ...(version === '1.0' ? {} : { utc: true, supportLargeObjs: true, supportNumberOfChanges: true }),
    dataStores: datastores.map((datastore) => describe(datastore, version)),
    ...(version === '1.2' ? {} : { ctCaps: sharedCaps(datastores) }),
  }
}

/** In 1.0 and 1.1 the CTCap stands beside the datastores, one for each type. */
function sharedCaps(datastores: readonly SyncDatastore[]): readonly CtCap[] {
  const caps = new Map<string, CtCap>()
  // The flat form has no VerCT: VERSION among the properties says it.
  for (const cap of datastores.flatMap(({ ctCaps }) => ctCaps))
    caps.set(`${cap.ctType} ${cap.verCt}`, { ...cap, verCt: '' })
  return [...caps.values()]
}

function describe(datastore: SyncDatastore, version: SyncmlVersion): DevInfDataStore {
  const { uri, displayName, contentTypes, ctCaps, hierarchical, syncTypes, filterGrammars } = datastore
  const [preferred, ...others] = contentTypes.map(([ctType, verCt]) => ({ ctType, verCt }))
  const is12 = version === '1.2'
  return {
    sourceRef: uri,
    displayName,
    ...(preferred ? { rxPref: preferred, txPref: preferred } : {}),
    rx: others,
    tx: others,
    ctCaps: is12 ? ctCaps : [],
    ...(is12 && hierarchical ? { supportHierarchicalSync: true } : {}),
    syncCap: syncTypes.map((type) => SYNC_CAP[type]),
    ...(is12 && filterGrammars.length > 0 ? { filterRx: filterGrammars } : {}),
  }
}
