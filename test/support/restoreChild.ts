/**
 * A process that finishes a restore whose segments are kept already, for tests that kill it on the way.
 * Arguments: the target's path, and what is wanted.
 */

import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { openZstdFrame } from '../../device-client/node/zstdFrame.ts'
import { restoreDatabase } from '../../device-client/restore/restoreDatabase.ts'

const [path = '', wanted = ''] = process.argv.slice(2)
const never = (): Promise<never> => Promise.reject(new Error('everything is kept already'))
process.stdout.write('started\n')
await restoreDatabase({
  calls: {
    createRestore: never,
    readSegment: never,
    completeRestore: () => Promise.reject(new Error('not confirmed, so that everything stays kept')),
  },
  target: fileRestoreTarget(path),
  wanted,
  adopt: () => () => {},
  gzip: nodeGzip,
  openFrame: openZstdFrame,
  clock: { now: Date.now, sleep: () => Promise.resolve() },
}).catch(() => {})
