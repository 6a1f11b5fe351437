/**
 * Processor time and memory of processes and their children, as Linux tells in `/proc`. Elsewhere nothing is known and
 * zeros are reported.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

/** Clock ticks of `/proc/<pid>/stat` in a second (USER_HZ; the same on every Linux). */
const TICKS_PER_S = 100

/** All living processes below `pid`, itself included. */
export function processTree(pid: number): number[] {
  const tree = [pid]
  for (let i = 0; i < tree.length; i++) tree.push(...childrenOf(tree[i] ?? 0))
  return tree
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** Seconds of processor time that `pid`, its living children and those that ended used so far. */
export function processorSeconds(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + ownAndEnded(each), 0)
}

/** Seconds of processor time of `pid` alone. */
export function ownProcessorSeconds(pid: number): number {
  const [user = 0, system = 0] = readTimes(pid)
  return user + system
}

function ownAndEnded(pid: number): number {
  return readTimes(pid).reduce((sum, seconds) => sum + seconds, 0)
}

/** Seconds: own in user mode and in the system's, the same of ended children. */
function readTimes(pid: number): number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime, stime, cutime, cstime: fields 14 to 17 of the whole line.
    return fields.slice(11, 15).map((ticks) => Number(ticks) / TICKS_PER_S)
  } catch {
    return []
  }
}

/** Watches the most memory that the processes below a pid, and the RAM file systems, ever had together. */
export interface MemoryWatch {
  /** Ends it; the most resident octets seen, with what came to lie in RAM file systems counted in. */
  stop(): Promise<number>
  /** The most that came to lie in RAM file systems since it began. */
  ramDiskBytes(): number
}

/** From look to look, at least. */
const LOOK_MS = 50
/** A look holds up those it looks at: so many times as long as it took they are left alone. */
const PAUSE_FACTOR = 30

export function watchMemory(pid: number): MemoryWatch {
  let peakBytes = 0
  let ramDiskPeak = 0
  const before = ramDiskBytes()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    const startedAt = performance.now()
    const resident = processTree(pid).reduce((sum, each) => sum + residentBytes(each), 0)
    const inRam = Math.max(0, (await ramDiskBytes()) - (await before))
    ramDiskPeak = Math.max(ramDiskPeak, inRam)
    peakBytes = Math.max(peakBytes, resident + inRam)
    const pauseMs = Math.max(LOOK_MS, PAUSE_FACTOR * (performance.now() - startedAt))
    if (!stopped) timer = setTimeout(() => void look(), pauseMs)
  }
  void look()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await look()
      return peakBytes
    },
    ramDiskBytes: () => ramDiskPeak,
  }
}

/** Longest wait for the server to finish what it does after its answer. */
const QUIET_MS = 2000

/** Waits until the processes below `pid` have nothing to do, so that one step's work is not counted with the next. */
export async function untilQuiet(pid: number): Promise<void> {
  const deadline = performance.now() + QUIET_MS
  let before = processorSeconds(pid)
  while (performance.now() < deadline) {
    await wait(60)
    const now = processorSeconds(pid)
    if (now === before) return
    before = now
  }
}

/** Resident octets; what processes share (the program itself) is divided among them, so a sum counts it once. */
function residentBytes(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s*(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** What lies in all RAM file systems of the machine. */
async function ramDiskBytes(): Promise<number> {
  const used = await Promise.all(
    ramDisks().map((path) =>
      statfs(path).then(
        (disk) => (disk.blocks - disk.bfree) * disk.bsize,
        () => 0,
      ),
    ),
  )
  return used.reduce((sum, bytes) => sum + bytes, 0)
}

function ramDisks(): string[] {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    return mounts.flatMap((line) => {
      const [, path, type] = line.split(' ')
      return path !== undefined && (type === 'tmpfs' || type === 'ramfs') ? [path] : []
    })
  } catch {
    return []
  }
}
