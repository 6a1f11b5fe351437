/**
 * The port for what devices said about themselves (reference 2.2): kept per device, since a device sends it at the first
 * contact and when it changed, not in each session.
 */

import { sameUri } from '../../schemas/syncml/datastoreUri.ts'
import type { CtCap, DevInf, DevInfDataStore } from '../../schemas/syncml/message.ts'

export interface ClientDescriptions {
  read(accountId: string, deviceId: string): Promise<DevInf | undefined>
  /** Replaces what is held, if it says anything else. Durable when it returns. */
  write(accountId: string, deviceId: string, devInf: DevInf): Promise<void>
}

/** What a device's information says about one of its datastores. */
export interface DescribedStore {
  readonly described?: DevInfDataStore
  readonly ctCaps?: readonly CtCap[]
}

/** The part of `devInf` that is about the client's datastore `sourceUri`. */
export function describedStore(devInf: DevInf | undefined, sourceUri: string): DescribedStore {
  if (devInf === undefined) return {}
  const described = devInf.dataStores.find(({ sourceRef }) => sameUri(sourceRef, sourceUri))
  return {
    ...(described !== undefined && { described }),
    ...(devInf.ctCaps !== undefined && { ctCaps: devInf.ctCaps }),
  }
}
