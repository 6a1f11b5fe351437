/**
 * Which clients can be told to wait (OM-34): those that are known to understand Status 101 on a SyncHdr. Others never
 * are, since SyncEvolution, for one, gives up its session: they wait until the answer is there, and get it when they
 * send their message again.
 */

import type { DevInf } from '../../schemas/syncml/message.ts'

/** How often a client may be told while one message is worked on; 0 if it never said who it is. */
export function busySignalsFor(devInf: DevInf | undefined): number {
  const maker = devInf?.man?.trim().toLowerCase() ?? ''
  const model = devInf?.mod?.trim().toLowerCase() ?? ''
  // iSync knows one such signal (reference 10.4).
  if (maker.startsWith('apple') || model.startsWith('isync')) return 1
  // Our own, and S60, which takes 101 on a SyncHdr only (reference 10.1).
  return maker.startsWith('nightferry') || maker.startsWith('nokia') ? Number.POSITIVE_INFINITY : 0
}
