/**
 * SyncEvolution whose connection is cut at a message: the next session goes on where this one broke, both sides hold the
 * same, nothing is lost or there twice. The proxy first counts the messages of an undisturbed session of the same kind.
 * Some of them are cut; NIGHTFERRY_CUTS=all cuts at each.
 */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { differences, type HeldItems } from '../support/heldItems.ts'
import type { SyncEvolutionClient, SyncEvolutionLab, SyncEvolutionMode } from '../support/syncEvolution.ts'

/** Settings of the clients: messages of 20 KB. */
export const SMALL_MESSAGES = { WBXML: '0', MAXMSGSIZE: '20000' }

/** Time for the cuts of one kind of session. */
export const CUTS_LIMIT_MS = 3_600_000

/** The server never gets the message, or the client never gets the answer. */
const FAULTS = ['drop-request', 'drop-response'] as const

/** A photo in a few chunks, and one in many. */
const PHOTO_BYTES = 40_000
const LARGE_BYTES = 300_000
const PHOTO = fileName(100)

/** A session that is about to begin; `expected` is what both sides hold after it. */
export interface CutScene {
  readonly lab: SyncEvolutionLab
  readonly client: SyncEvolutionClient
  readonly mode: SyncEvolutionMode
  readonly expected: HeldItems
  close?(): Promise<void>
}

/**
 * Cuts sessions that `prepare` makes ready, both ways at each of the chosen messages.
 * @returns what was done, in words.
 */
export async function cutSessions(prepare: () => Promise<CutScene>): Promise<string> {
  const calm = await prepare()
  const { result, messages } = await calm.client.proxiedSync(calm.mode)
  expect(result.text).toMatch(/RESULT exit=0 status=200/)
  await expectSettled(calm, 'undisturbed')
  const positions = positionsOf(messages)
  for (const fault of FAULTS) {
    for (const at of positions) {
      const scene = await prepare()
      const when = `after ${fault} of message ${at} of ${messages}`
      const broken = await scene.client.cutSync(scene.mode, { fault, at })
      expect(broken.exit, `${when}: ${broken.text}`).not.toBe(0)
      const next = await scene.client.sync('two-way')
      expect(next.text, when).toMatch(/RESULT exit=0 status=200/)
      // Alert 225 was answered 200. Before the client heard the server for the first time there is nothing to go on with.
      expect(next.resumed, when).toBe(at > 1)
      if (scene.mode !== 'slow') expect(next.mode, when).toBe(scene.mode)
      await expectSettled(scene, when)
    }
  }
  return `${messages} messages, ${FAULTS.length * positions.length} cuts`
}

function positionsOf(messages: number): readonly number[] {
  const all = Array.from({ length: messages }, (_, at) => at + 1)
  return process.env.NIGHTFERRY_CUTS === 'all' ? all : [messages >> 1, messages]
}

async function expectSettled({ client, lab, expected, close }: CutScene, when: string): Promise<void> {
  const nothing = { a: [], b: [] }
  expect(differences('contact', expected, client.items()), `the client ${when}`).toEqual(nothing)
  expect(differences('contact', expected, await lab.serverItems('contacts')), `the server ${when}`).toEqual(nothing)
  await close?.()
}

/** Two contacts, and one whose photo needs several messages. */
export function makeFew(client: SyncEvolutionClient): void {
  client.generate('make', '--count', 2, '--photo-every', 0)
  client.generate('make', '--start', 100, '--count', 1, '--photo-every', 1, '--photo-bytes', PHOTO_BYTES)
}

/** What is changed later. */
export function makeMany(client: SyncEvolutionClient): void {
  makeFew(client)
  client.generate('make', '--start', 10, '--count', 8, '--photo-every', 0)
}

/**
 * Adds, deletes and updates, one of them in chunks; those of a `round` follow those of the one before. What the latest
 * round added stays: the client gives LUIDs that became free anew, and if that happens in a resumed session, it takes what
 * it got for its own and sends it back in the next one, where it meets the next deletes.
 */
export function changeSome(client: SyncEvolutionClient, round: number): void {
  const first = 1000 + 10 * round
  for (const at of [0, 1, 2]) rmSync(join(client.itemFolder, fileName(first - 20 + at)), { force: true })
  client.generate('make', '--start', first, '--count', 3, '--photo-every', 1, '--photo-bytes', 9000)
  for (const name of [PHOTO, fileName(10), fileName(12), fileName(14)]) edit(client, name, round)
}

/** A large photo comes, another goes. */
export function changeLarge(client: SyncEvolutionClient, round: number): void {
  const number = 5000 + round
  rmSync(join(client.itemFolder, fileName(number - 2)), { force: true })
  client.generate('make', '--start', number, '--count', 1, '--photo-every', 1, '--photo-bytes', LARGE_BYTES)
}

function fileName(number: number): string {
  return `c${String(number).padStart(5, '0')}.vcf`
}

function edit(client: SyncEvolutionClient, name: string, round: number): void {
  const held = client.items().find((item) => item.name === name)
  if (held === undefined) throw new Error(`the client has no ${name}`)
  const text = Buffer.from(held.octets).toString()
  writeFileSync(join(client.itemFolder, name), text.replace(/^(TEL[^:\r\n]*):.*$/m, `$1:+49 30 ${7000 + round}`))
}
