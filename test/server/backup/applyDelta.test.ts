/** Deltas that meet a copy which is not what they were made for: overlapping, repeated, contradicting. */

import { afterEach, describe, expect, it } from 'vitest'
import { DeviceLife } from '../../support/deviceLife.ts'

let life: DeviceLife
afterEach(() => life.dispose())

const T = "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); INSERT INTO t VALUES(1,'x',1),(2,'y',2),(3,'z',3)"

/** The Delta of this moment; the device does not hear what becomes of it. */
function prepare(): string {
  const prepared = life.tracker.prepareDelta()
  if (typeof prepared === 'string') throw new Error(`the device sends ${prepared}`)
  const text = [...prepared.pieces()].join('')
  prepared.finish().markSent()
  return text
}

describe('a Delta at a copy', () => {
  it('[WF-10] states final values: what overlaps, and what comes again, gives the same', async () => {
    life = await DeviceLife.create(T)
    await life.night()
    life.app("UPDATE t SET a='tmp' WHERE id=1; UPDATE t SET a='x' WHERE id=2; UPDATE t SET a='y' WHERE id=1")
    const first = prepare()
    await life.deliver(first)
    life.app("DELETE FROM t WHERE id=3; INSERT INTO t VALUES(4,'z',4)")
    const both = prepare()
    // Both hold rows 1 and 2: the second overlaps what the copy took from the first.
    expect(await life.deliver(both)).toMatchObject({ outcome: 'applied' })
    expect(life.copyDump()).toBe(life.deviceDump())
    for (const text of [both, first]) expect(await life.deliver(text)).toMatchObject({ outcome: 'duplicate' })
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it('[BK-12] a UNIQUE conflict with a diverged copy is delta.conflict, and the copy stays as it was', async () => {
    life = await DeviceLife.create(T)
    await life.night()
    const before = life.copyDump()
    life.app("INSERT INTO t VALUES(4,'four',4); UPDATE t SET b=9 WHERE id=1")
    const contradicting = prepare().replace('"four"', '"z"')
    expect(contradicting).toContain('[4,"z",4]')
    await expect(life.deliver(contradicting)).rejects.toMatchObject({ code: 'delta.conflict' })
    expect(life.copyDump()).toBe(before)
    expect(await life.night()).toMatchObject({ mode: 'delta' })
    expect(life.copyDump()).toBe(life.deviceDump())
  })
})
