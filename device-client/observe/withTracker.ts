/** The tracker of one database under backup, opened for a piece of work and closed again. */

import { differentialOf } from '../backup/chooseMethod.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { DatabaseEntry } from '../deviceClient.ts'
import type { SqlDatabase } from '../ports.ts'
import type { TrackerPorts } from './preparedBackup.ts'
import { Tracker } from './tracker.ts'

type TrackingPorts = Pick<DeviceClientPorts, 'sql' | 'random' | 'footprint' | 'openPicture'>

/** Does `work` with the tracker of `entry`. @throws {CodedError} as the tracker. */
export function withTracker<T>(ports: TrackingPorts, entry: DatabaseEntry, work: (tracker: Tracker) => T): T {
  const picture = ports.openPicture(entry.name)
  const differential = differentialOf(entry.preferences.method, entry.preferences, {}, 0)
  const tracker = trackerOf(ports, entry, picture, differential)
  try {
    return work(tracker)
  } finally {
    tracker.close()
    picture.close()
  }
}

/** The tracker alone; whoever asks for it closes it, and the picture. */
export function trackerOf(
  ports: TrackingPorts,
  entry: DatabaseEntry,
  picture: SqlDatabase,
  differential: { readonly renew: boolean } | undefined,
): Tracker {
  return new Tracker({ ...trackerPorts(ports, entry, picture), ...(differential && { differential }) })
}

/** What a tracker of `entry` works with, and whatever else reads or marks its rows. */
export function trackerPorts(ports: TrackingPorts, entry: DatabaseEntry, picture: SqlDatabase): TrackerPorts {
  return {
    open: () => ports.sql.open(entry.path),
    picture,
    random: ports.random,
    method: entry.tracking,
    ...(ports.footprint && { footprint: ports.footprint.bind(null, entry.path) }),
  }
}
