/**
 * What an earlier sync left half done is settled before anything else: items that were about to be written when it was
 * killed, and deletions the guard refused until the user said otherwise. Rules DC-64, DC-66.
 */

import { contentDigest } from './contentDigest.ts'
import type { SyncPorts } from './syncRun.ts'

export async function recoverSync(
  { source, state }: Pick<SyncPorts, 'source' | 'state'>,
  allowEmpty: boolean,
): Promise<void> {
  for (const arriving of state.unfinished()) {
    const octets = await source.read(arriving.luid)
    const written = octets !== undefined && contentDigest(octets) === arriving.digest
    // A new item that is there is the server's, even if somebody changed it since: that is a change of its content.
    const isNew = arriving.guid !== undefined && state.digestOf(arriving.luid) === undefined
    if (written || (octets !== undefined && isNew)) state.arrived(arriving)
    else state.missed(arriving.luid)
  }
  if (!allowEmpty) return
  for (const { luid, digest } of state.refused()) {
    await source.remove(luid, digest)
    state.forget(luid)
  }
}
