/**
 * Which slots of devices can be filled at once: a flow of segments, by class, to devices that take them and have room.
 * One slot more is asked for at a time; others' slots are given other classes if that makes it possible. Rule DL-6.
 */

import { at, type PlacementProblem, takesClass } from './placement.ts'

/** On the way to a class: its segments at `device` can give way to those of `to`. */
interface Step {
  readonly to: number
  readonly device: number
}

/** The flow, which grows. */
export class SlotFlow {
  readonly #problem: PlacementProblem
  /** Segments of each class without a slot. */
  readonly #left: Int32Array
  /** Slots that each device may still have. */
  readonly #free: Float64Array
  /** Slots by device and class. */
  readonly #filled: readonly Int32Array[]
  /** Classes, those with the fewest takers first. */
  readonly #scarceFirst: readonly number[]
  readonly #closed: Uint8Array
  /** Where `#steps` looked last for each pair of classes: often it is still right. */
  readonly #lastDevice = new Map<number, number>()

  constructor(problem: PlacementProblem, members: readonly number[], sizeBytes: number) {
    this.#problem = problem
    const classes = problem.takes.length
    this.#left = new Int32Array(classes)
    for (const segment of members) {
      const ofClass = at(problem.classOf, segment)
      this.#left[ofClass] = at(this.#left, ofClass) + 1
    }
    this.#free = Float64Array.from(problem.devices, ({ roomBytes }) => Math.floor(roomBytes / sizeBytes))
    this.#filled = problem.devices.map(() => new Int32Array(classes))
    const takers = problem.takes.map((devices) => devices.reduce((sum, takes) => sum + takes, 0))
    this.#scarceFirst = [...takers.keys()].sort((a, b) => at(takers, a) - at(takers, b))
    this.#closed = new Uint8Array(problem.devices.length)
  }

  /** Fills one slot more of `device`; false if that is impossible, now and from then on. */
  fill(device: number): boolean {
    if (this.#closed[device] === 1) return false
    if (at(this.#free, device) >= 1) {
      const direct = this.#scarceFirst.find(
        (each) => at(this.#left, each) > 0 && takesClass(this.#problem, each, device),
      )
      if (direct !== undefined || this.#makeWay(device)) {
        if (direct !== undefined) this.#take(device, direct)
        this.#free[device] = at(this.#free, device) - 1
        return true
      }
    }
    this.#closed[device] = 1
    return false
  }

  /** Classes that still have slots at `device`. */
  classesAt(device: number): number[] {
    return [...(this.#filled[device] ?? []).entries()].flatMap(([ofClass, slots]) => (slots > 0 ? [ofClass] : []))
  }

  /** One slot of this class at `device` has its segment. */
  settle(device: number, ofClass: number): void {
    this.#add(device, ofClass, -1)
  }

  #take(device: number, ofClass: number): void {
    this.#left[ofClass] = at(this.#left, ofClass) - 1
    this.#add(device, ofClass, 1)
  }

  #add(device: number, ofClass: number, count: number): void {
    const filled = this.#filled[device]
    if (filled !== undefined) filled[ofClass] = at(filled, ofClass) + count
  }

  /** Finds segments that can move to other slots of their devices, so that `device` gets one; moves them. */
  #makeWay(device: number): boolean {
    const steps = new Map<number, Step | null>()
    const open = this.#scarceFirst.filter((each) => at(this.#left, each) > 0)
    for (const source of open) steps.set(source, null)
    for (const to of open) {
      for (const from of this.#scarceFirst) {
        if (steps.has(from)) continue
        const between = this.#exchangerOf(to, from)
        if (between === undefined) continue
        steps.set(from, { to, device: between })
        if (takesClass(this.#problem, from, device)) {
          this.#shift(device, from, steps)
          return true
        }
        open.push(from)
      }
    }
    return false
  }

  /** A device that has a slot of class `from` and takes `to` as well. */
  #exchangerOf(to: number, from: number): number | undefined {
    const suits = (device: number): boolean =>
      at(this.#filled[device] ?? [], from) > 0 && takesClass(this.#problem, to, device)
    const key = to * this.#left.length + from
    const last = this.#lastDevice.get(key)
    if (last !== undefined && suits(last)) return last
    const found = this.#filled.findIndex((_, device) => suits(device))
    if (found < 0) return undefined
    this.#lastDevice.set(key, found)
    return found
  }

  #shift(device: number, first: number, steps: ReadonlyMap<number, Step | null>): void {
    this.#add(device, first, 1)
    let ofClass = first
    for (let step = steps.get(first); step; step = steps.get(step.to)) {
      this.#add(step.device, ofClass, -1)
      this.#add(step.device, step.to, 1)
      ofClass = step.to
    }
    this.#left[ofClass] = at(this.#left, ofClass) - 1
  }
}
