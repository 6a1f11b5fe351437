/** Memory of another process, as the pool watches it (BK-8). */

import { readFile } from 'node:fs/promises'

/** Resident octets of a process where the system tells them (Linux); else 0: then only time limits hold. */
export async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const statm = await readFile(`/proc/${pid}/statm`, 'utf8')
    return Number(statm.split(' ')[1]) * 4096
  } catch {
    return 0
  }
}
