/** `nightferry-device sync status`: what is synchronized with what, and how it went last. */

import { formatAge, formatTable } from '../../../../schemas/cli/formatTable.ts'
import type { SyncStatus } from '../../../sync/createSyncClient.ts'
import { formatSource } from '../../../sync/syncEntry.ts'
import type { AgentCommand } from '../agentContext.ts'

export const syncStatus: AgentCommand = {
  spec: { name: 'sync status', summary: 'show the syncs and how they went', args: [], options: [] },
  run: async (context) => {
    const syncs = await (await context.openSyncs()).status()
    const now = context.clock.now()
    const rows = syncs.map((sync) => rowOf(sync, now))
    const headings = ['NAME', 'SOURCE', 'WITH', 'MODE', 'LAST SYNC', 'LAST ATTEMPT', 'WAITING']
    return {
      json: { syncs: syncs.map((sync) => ({ ...sync, source: formatSource(sync.source) })) },
      text: formatTable(headings, rows, 'no sync is set up yet'),
    }
  },
}

function rowOf(sync: SyncStatus, now: number): string[] {
  const ago = (at: number | undefined) => (at === undefined ? 'never' : `${formatAge(now - at)} ago`)
  const failure = sync.lastAttempt?.failure
  return [
    ...[sync.name, formatSource(sync.source), `${sync.remote} of ${sync.server}`, sync.mode, ago(sync.lastSuccessAt)],
    failure === undefined ? ago(sync.lastAttempt?.at) : `${ago(sync.lastAttempt?.at)}: ${failure.message}`,
    sync.pending === undefined ? '?' : String(sync.pending),
  ]
}
