/** What the figures were measured on. */

import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, type as systemType, totalmem } from 'node:os'
import { type LauncherFacts, launcherFacts } from './launcher.ts'

export interface MachineFacts {
  readonly system: string
  readonly processors: number
  readonly processor: string
  readonly memoryBytes: number
  readonly node: string
  /** Load of the last minute before the report: other work on the machine. */
  readonly load: number
  readonly launcher: LauncherFacts
  readonly versions: Readonly<Record<string, string>>
}

const asked: Readonly<Record<string, readonly string[]>> = {
  restic: ['version'],
  borg: ['--version'],
  duplicity: ['--version'],
  rsync: ['--version'],
  sqlite3: ['--version'],
}

export function machineFacts(): MachineFacts {
  const versions = Object.entries(asked).flatMap(([program, args]) => {
    const version = versionOf(program, args)
    return version === undefined ? [] : [[program, version] as const]
  })
  return {
    system: `${systemType()} ${release()}`,
    processors: cpus().length,
    processor: cpus()[0]?.model ?? '',
    memoryBytes: totalmem(),
    node: process.version,
    load: loadavg()[0] ?? 0,
    launcher: launcherFacts(),
    versions: Object.fromEntries(versions),
  }
}

function versionOf(program: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0]
  } catch {
    return undefined
  }
}
