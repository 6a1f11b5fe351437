/** Bad networks, two agents of one device at once, and what half-made files at final places do: nothing. */

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type Misfortune, openBadProxy } from '../support/badProxy.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { createCrashAgent } from './crashAgent.ts'
import { type CrashWorld, openCrashWorld, worldDevice } from './world.ts'

const FATES: readonly Misfortune[] = ['lose-request', 'lose-answer', 'twice', 'again-later', 'late', 'cut-answer']
const NIGHTS = 18

/** By what an installation is told from a copy of it. */
const VALUES = 'records/installation.record'

it('[BK-22] [DC-12] lost, doubled, late and reordered messages: each night is a Delta and nothing is lost', async () => {
  const world = await opened()
  let exchange = 0
  let bad = false
  // Every second exchange meets the next misfortune.
  const proxy = await openBadProxy(world.server.url, () => (bad && exchange++ % 2 === 0 ? fateOf(exchange) : 'none'))
  onTestFinished(() => proxy.close())
  const device = await world.device('one', proxy.url)
  expect(await device.backUp()).toBe('full')
  bad = true
  for (let night = 0; night < NIGHTS; night++) {
    const large = night % 6 === 5 ? 'randomblob(2500000)' : String(night)
    device.app(`INSERT INTO t(x) VALUES(${large}); UPDATE t SET x=-1 WHERE id=${night - 2}`)
    expect(await device.backUp()).toBe('delta')
    if (night % 6 !== 0) continue
    bad = false
    await proxy.settled()
    expect(await device.look()).toBe('equal')
    bad = true
  }
  await proxy.settled()
  bad = false
  expect(await device.look()).toBe('equal')
  expect([...proxy.counts.keys()].sort()).toEqual(['none', ...FATES].sort())
}, 90_000)

it('[BK-13] [OM-2] two agents of one device at once: one of them waits or fails, and both go on', async () => {
  const world = await opened()
  const one = await world.device('one')
  expect(await one.backUp()).toBe('full')
  const twinHome = join(world.folder, 'home-twin')
  cpSync(one.agent.home, twinHome, { recursive: true })
  const twinAgent = createCrashAgent(twinHome, '')
  onTestFinished(() => twinAgent.close())
  const twin = worldDevice(twinAgent, one.path)
  const claim = async (): Promise<void> => {
    expect(await one.agent.run({ name: 'claim', args: [world.account.password] })).toMatchObject({ ok: true })
  }
  for (let night = 0; night < 6; night++) {
    // By their values they are one: both have the newest, and it was sent by none yet (DC-110).
    await claim()
    cpSync(join(one.agent.home, VALUES), join(twinHome, VALUES))
    one.app(`INSERT INTO t(x) VALUES(${night % 2 === 0 ? 'randomblob(1500000)' : night})`)
    const ends = await Promise.all([one.backUp(), twin.backUp()])
    const known = [
      'delta',
      'none',
      // Both sealed the same number under tokens of their own, as they must: the second one's is a fork (508).
      'full',
      'session.busy',
      'network.unreachable',
      'auth.invalid',
      'protocol.malformed',
      'database.locked',
      // The other one was quicker with a second session, and a value of its own.
      'device.cloned',
    ]
    for (const end of ends) expect(known).toContain(end)
    await claim()
    expect(['delta', 'none', 'full']).toContain(await one.backUp())
    expect(await one.look()).toBe('equal')
  }
}, 90_000)

it('[BK-14] [RS-5] [DC-22] half-made files at final places are no harm at the next start', async () => {
  const world = await opened()
  const device = await world.device('one')
  device.app("INSERT INTO t(x) VALUES('kept')")
  expect(await device.backUp()).toBe('full')
  const { dataFolder } = world.server
  const stray = '00000000-0000-4000-8000-000000000000'
  const junk = {
    server: [
      `copies/${stray}.db`,
      `copies/${stray}.db-wal`,
      `copies/${stray}.db.building`,
      `copies/${stray}.db.source`,
      `images/${stray}.image`,
      'spool/omads-0123-0.spool',
      `storage/images/${stray}/0`,
      `storage/images/${stray}/1~0123456789ab`,
    ].map((name) => join(dataFolder, name)),
    agent: [join(device.agent.home, 'images', 'half.scratch'), join(device.agent.home, 'images', 'half.db')],
  }
  await world.server.pause(() => {
    for (const path of [...junk.server, ...junk.agent]) {
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, 'half a file')
    }
  })
  const target = `${device.path}.half`
  const files = [`${target}-wal`, `${target}-journal`, target, join(`${target}.nightferry-restore`, 'ticket.json')]
  for (const path of files) {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, '{"wanted":"half')
  }
  device.app('INSERT INTO t(x) VALUES(2)')
  expect(await device.backUp()).toBe('delta')
  const restored = await device.agent.run({ name: 'restore', args: [{ database: 'app', to: target }] })
  expect(restored).toMatchObject({ ok: true })
  expect(canonicalDump(target)).toBe(canonicalDump(device.path))
  expect(readdirSync(join(target, '..')).filter((name) => /half(-wal|-journal|\.nightferry)/.test(name))).toEqual([])
  expect([...junk.server, ...junk.agent].filter((path) => existsSync(path) && !path.endsWith('.spool'))).toEqual([])
  rmSync(target)
}, 60_000)

function fateOf(exchange: number): Misfortune {
  return FATES[Math.floor(exchange / 2) % FATES.length] ?? 'none'
}

async function opened(): Promise<CrashWorld> {
  const world = await openCrashWorld()
  onTestFinished(() => world.close())
  return world
}
