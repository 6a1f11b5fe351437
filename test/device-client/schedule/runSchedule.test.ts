/** The schedule at work over days, with a clock that jumps to the end of each wait. */

import { describe, expect, it } from 'vitest'
import { parseCron } from '../../../device-client/node/cron.ts'
import type { Log } from '../../../device-client/ports.ts'
import type { ScheduleState } from '../../../device-client/schedule/nextRun.ts'
import { DEFAULT_PREFERENCES } from '../../../device-client/schedule/preferences.ts'
import { runSchedule } from '../../../device-client/schedule/runSchedule.ts'
import { CodedError } from '../../../schemas/errors.ts'

const day = 86_400_000
const start = Date.parse('2026-11-21T12:00Z')

interface World {
  now: number
  /** Added to the next wait: the machine slept. */
  asleepMs: number
  readonly backups: { database: string; at: string }[]
  readonly lines: string[]
  readonly states: Map<string, ScheduleState>
}

function createWorld(): World {
  return { now: start, asleepMs: 0, backups: [], lines: [], states: new Map() }
}

/** Runs the schedule until `endsAt`; `backup` may throw. */
async function live(
  world: World,
  names: string[],
  endsAt: number,
  backup: (database: string) => void = () => undefined,
) {
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const line: Log['info'] = (message, fields) => void world.lines.push(`${message} ${JSON.stringify(fields)}`)
  const preferences = { ...DEFAULT_PREFERENCES, jitterMs: 0 }
  await runSchedule(
    {
      databases: async () => names.map((name) => ({ name, preferences })),
      parseCron,
      readState: async (name) => world.states.get(name),
      writeState: async (name, state) => void world.states.set(name, state),
      backup: async (database) => {
        world.backups.push({ database, at: new Date(world.now).toISOString().slice(0, 16) })
        backup(database)
      },
    },
    {
      now: () => world.now,
      sleep: async (ms) => {
        world.now += ms + world.asleepMs
        world.asleepMs = 0
        if (world.now >= endsAt) stop()
      },
    },
    { debug: line, info: line, warn: line },
    { deviceId: 'till-1', timeZone: 'UTC', stopped },
  )
}

describe('the schedule', () => {
  it('[DC-34] backs up every database once a night', async () => {
    const world = createWorld()
    await live(world, ['a', 'b'], start + 2 * day)
    expect(world.backups).toEqual([
      { database: 'a', at: '2026-11-22T02:00' },
      { database: 'b', at: '2026-11-22T02:00' },
      { database: 'a', at: '2026-11-23T02:00' },
      { database: 'b', at: '2026-11-23T02:00' },
    ])
  })

  it('[DC-33] catches up once after the machine slept over two nights, and says so', async () => {
    const world = createWorld()
    world.asleepMs = 1.8 * day
    await live(world, ['a'], start + 1.9 * day)
    expect(world.backups.map((backup) => backup.at)).toEqual(['2026-11-23T07:12'])
    expect(world.lines.join('\n')).toContain('"reason":"machine-asleep"')
  })

  it('[DC-33] catches up after the agent was not running', async () => {
    const world = createWorld()
    await live(world, ['a'], start + 3_600_000)
    world.now = start + day
    await live(world, ['a'], start + day + 3_600_000)
    expect(world.backups.map((backup) => backup.at)).toEqual(['2026-11-22T12:00'])
    expect(world.lines.join('\n')).toContain('"reason":"agent-not-running"')
  })

  it('[DC-33] tries again after a locked database, and a failing one does not stop the others', async () => {
    const world = createWorld()
    let locked = 3
    await live(world, ['a', 'b'], start + day, (database) => {
      if (database === 'a' && locked-- > 0) throw new CodedError('database.locked', 'held')
    })
    expect(world.backups.filter((backup) => backup.database === 'a').map((backup) => backup.at)).toEqual([
      '2026-11-22T02:00',
      '2026-11-22T02:01',
      '2026-11-22T02:03',
      '2026-11-22T02:07',
    ])
    expect(world.backups.filter((backup) => backup.database === 'b')).toHaveLength(1)
    expect(world.lines.join('\n')).toContain('"reason":"database-locked"')
    expect(world.states.get('a')?.failure).toBeUndefined()
  })
})
