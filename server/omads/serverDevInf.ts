/**
 * Our own device information, made from what the datastores offer this peer (reference 2.3).
 * Only elements of the DTD: real clients refuse a document with an unknown one.
 */

import type { DevInf, DevInfDataStore, SyncmlVersion } from '../../schemas/syncml/message.ts'
import type { Datastore } from '../datastore/datastore.ts'

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

export function serverDevInf(serverId: string, version: SyncmlVersion, datastores: readonly Datastore[]): DevInf {
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
    dataStores: datastores.map(describe),
  }
}

function describe(datastore: Datastore): DevInfDataStore {
  const types = datastore.contentTypes.map(([ctType, verCt]) => ({ ctType, verCt }))
  const [preferred, ...others] = types
  return {
    sourceRef: datastore.uri,
    ...(preferred ? { rxPref: preferred, txPref: preferred } : {}),
    rx: others,
    tx: others,
    // The model of 1.2 demands a CTCap with at least one Property.
    ctCaps: types.map((type) => ({
      ...type,
      properties: [{ propName: 'DATA', valEnums: [], params: [] }],
    })),
    syncCap: datastore.syncTypes.map((type) => SYNC_CAP[type]),
  }
}
