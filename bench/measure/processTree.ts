/**
 * Processor time and memory of processes and their children, as Linux tells in `/proc`. Elsewhere nothing is known and
 * zeros are reported.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

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

function ownAndEnded(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime, stime, cutime, cstime: fields 14 to 17 of the whole line.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_S
  } catch {
    return 0
  }
}

/** Watches the most memory that the processes below a pid, and the RAM file system, ever had together. */
export interface MemoryWatch {
  /** Ends it; the most resident octets seen, with what lies in the RAM file system counted in. */
  stop(): Promise<number>
}

const LOOK_MS = 50

export function watchMemory(pid: number): MemoryWatch {
  let peakBytes = 0
  const before = ramDiskBytes()
  const look = async (): Promise<void> => {
    const resident = processTree(pid).reduce((sum, each) => sum + residentBytes(each), 0)
    peakBytes = Math.max(peakBytes, resident + Math.max(0, (await ramDiskBytes()) - (await before)))
  }
  const timer = setInterval(() => void look(), LOOK_MS)
  void look()
  return {
    stop: async () => {
      clearInterval(timer)
      await look()
      return peakBytes
    },
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

async function ramDiskBytes(): Promise<number> {
  try {
    const disk = await statfs('/dev/shm')
    return (disk.blocks - disk.bfree) * disk.bsize
  } catch {
    return 0
  }
}
