/** What the device tells a server of itself before the backup of one of its databases (reference 3.12). */

import { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE } from '../schemas/delta/contentTypes.ts'
import type { DevInf } from '../schemas/syncml/message.ts'
import type { Identity } from './agentRecords.ts'

/** `fileType`: what whole files come as; `version`: of this program. */
export function deviceInformation(
  identity: Identity,
  database: string,
  { version, fileType = FILE_GZIP_TYPE }: { readonly version: string; readonly fileType: string | undefined },
): DevInf {
  const type = (ctType: string, verCt: string) => ({ ctType, verCt })
  return {
    verDtd: '1.2',
    man: 'Nightferry',
    mod: identity.device,
    swV: version,
    devId: identity.deviceId,
    devTyp: 'workstation',
    utc: true,
    supportLargeObjs: true,
    supportNumberOfChanges: true,
    dataStores: [
      {
        sourceRef: `./${encodeURIComponent(database)}`,
        displayName: database,
        maxGuidSize: 64,
        rxPref: type(DATABASE_FILE_TYPE, '3'),
        rx: [],
        txPref: type(DELTA_TYPE, '1'),
        tx: [type(fileType, '1')],
        ctCaps: [],
        syncCap: [3, 4, 6],
      },
    ],
  }
}
