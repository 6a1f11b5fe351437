/** Who takes part in a workload, by the short name that `--contenders` takes. */

import type { WorkloadName } from '../workload/workload.ts'
import type { OpenContender } from './contender.ts'
import { type NightferryWay, openNightferry } from './nightferry.ts'
import { backupAndGzip, borg, duplicity, restic, sqldiff } from './peers.ts'
import { rsync } from './rsync.ts'

export interface Entrant {
  readonly key: string
  readonly open: OpenContender
  /** Ours observe their database, so each has one of its own; the peers share one that nobody touched. */
  readonly ownDatabase: boolean
  /** The workload of its database, where it is another one than all the others'. */
  readonly workload?: WorkloadName
}

const ours = (key: string, way: NightferryWay): Entrant => ({
  key,
  open: async (path, folder) => openNightferry(path, folder, way),
  ownDatabase: true,
})

/** The nights of W3 on a small database, measured beside W3's own. */
const small: Entrant = {
  key: 'small',
  open: async (path, folder) =>
    openNightferry(path, folder, 'process', {
      name: 'nightferry, 5 MB',
      note: 'the same changes in a database of 5 MB, as a whole process',
    }),
  ownDatabase: true,
  workload: 'S3',
}

const peer = (key: string, open: OpenContender): Entrant => ({ key, open, ownDatabase: false })

/** All who could take part in `workload`. */
export function entrantsOf(workload: WorkloadName): readonly Entrant[] {
  return [
    ours('nightferry', 'process'),
    ours('resident', 'socket'),
    ours('command', 'command'),
    ...(workload === 'W3' ? [small] : []),
    peer('restic', restic),
    peer('borg', borg),
    peer('duplicity', duplicity),
    peer('rsync', rsync),
    peer('sqldiff', sqldiff),
    peer('gzip', backupAndGzip),
  ]
}
