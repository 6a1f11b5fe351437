/**
 * Every numbered rule of a DESIGN.md has a test that cites it in its title, and every rule that a title cites exists.
 * A rule that cannot be tested ends with `(no test: reason)`.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(root, folder, name))
}

interface DesignRule {
  readonly id: string
  readonly untested: boolean
}

const designs = ['schemas', 'server', 'device-client'].flatMap((folder) => filesOf(folder, /DESIGN\.md$/))
const rules: readonly DesignRule[] = designs.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^- \*\*([A-Z]{2,3}-\d+)\*\* (.*)$/gm)].map((match) => ({
    id: match[1] ?? '',
    untested: /\(no test: [^)]+\)$/.test((match[2] ?? '').trim()),
  })),
)

/** Ids in the titles of tests: `it('[BK-5] …')`, also several as `[BK-5, BK-6]` or `[BK-5][BK-6]`. */
const cited = new Set(
  filesOf('test', /\.ts$/)
    .flatMap((file) => readFileSync(file, 'utf8').match(/['"`](?:\[[A-Z]{2,3}-\d+(?:, ?[A-Z]{2,3}-\d+)*\] ?)+/g) ?? [])
    .flatMap((title) => title.match(/[A-Z]{2,3}-\d+/g) ?? []),
)

describe('rules', () => {
  it('are found, each once', () => {
    expect(rules.length).toBeGreaterThan(50)
    const ids = rules.map((rule) => rule.id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  })

  it('each has a test that cites it, or says why not', () => {
    expect(rules.filter((rule) => !rule.untested && !cited.has(rule.id)).map((rule) => rule.id)).toEqual([])
  })

  it('each cited one exists', () => {
    const known = new Set(rules.map((rule) => rule.id))
    expect([...cited].filter((id) => !known.has(id)).sort()).toEqual([])
  })
})
