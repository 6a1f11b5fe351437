/** What starting a program costs by itself, also where the system's Node is too old and the locked one takes over. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { median } from './statistics.ts'

const agent = resolve(import.meta.dirname, '../../device-client/node/nightferry-device.mjs')
const RUNS = 7

export interface LauncherFacts {
  /** `nightferry-device --version` on a Node that fits, milliseconds. */
  readonly startMs: number
  /** The same on the system's Node that is too old, with its version; absent if there is none. */
  readonly old?: { readonly version: string; readonly startMs: number }
}

export function launcherFacts(): LauncherFacts {
  const startMs = startOf(process.execPath)
  const old = oldNode()
  return old === undefined ? { startMs } : { startMs, old: { version: old.version, startMs: startOf(old.path) } }
}

function startOf(node: string): number {
  const times = Array.from({ length: RUNS }, () => {
    const startedAt = performance.now()
    spawnSync(node, [agent, '--version'])
    return performance.now() - startedAt
  })
  return median(times)
}

/** Another Node on the search path, too old to strip types. */
function oldNode(): { path: string; version: string } | undefined {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const path = join(folder, 'node')
    if (!existsSync(path)) continue
    const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
    if (Number(/^v(\d+)/.exec(version)?.[1] ?? 99) < 22) return { path, version }
  }
  return undefined
}
