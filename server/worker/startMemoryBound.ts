/**
 * Starts a child process that cannot take more memory than it may, not even for a moment: SQLite can ask for a gigabyte
 * at once, faster than anybody looks. Where the system has no such bound, looking is all there is.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What Node reserves as data without using it: code range, heaps, stacks of its threads. */
const RESERVED_BYTES = 768 * 1024 * 1024

/** Starts `module` with an IPC channel; beyond `maxBytes` of data its allocations fail. */
export function startMemoryBound(module: URL, maxBytes: number): ChildProcess {
  // Options of the parent (a debugger's port, a test runner's loader) are not the child's.
  const options = ['--max-old-space-size=256', '--max-semi-space-size=4', '--no-warnings=ExperimentalWarning']
  const common = { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: frugal() } as const
  if (process.platform !== 'linux')
    return fork(fileURLToPath(module), { ...common, stdio: [...common.stdio], execArgv: options })
  const kilobytes = Math.ceil((maxBytes + RESERVED_BYTES) / 1024)
  return fork(fileURLToPath(module), {
    ...common,
    stdio: [...common.stdio],
    execPath: '/bin/sh',
    // A system that refuses the bound runs the process all the same: it is still looked at.
    execArgv: ['-c', `ulimit -d ${kilobytes} 2>/dev/null; exec "$0" "$@"`, process.execPath, ...options],
  })
}

/** What is freed goes back to the system: glibc would come to keep up to 64 MB for a process that allocates much. */
function frugal(): NodeJS.ProcessEnv {
  return { MALLOC_TRIM_THRESHOLD_: '1048576', MALLOC_MMAP_THRESHOLD_: '1048576', ...process.env }
}
