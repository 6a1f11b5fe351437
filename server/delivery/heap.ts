/** A binary heap: the least of many, again and again. Pure but for itself. */

/** Holds items; `isBefore` must order them totally. */
export class Heap<Item> {
  readonly #items: Item[]
  readonly #isBefore: (one: Item, other: Item) => boolean

  constructor(items: Iterable<Item>, isBefore: (one: Item, other: Item) => boolean) {
    this.#isBefore = isBefore
    this.#items = [...items].sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /** The least item, which stays. */
  least(): Item | undefined {
    return this.#items[0]
  }

  /** Takes the least item out. */
  drop(): void {
    const last = this.#items.pop()
    if (this.#items.length > 0 && last !== undefined) this.#sink(last)
  }

  /** To be called when the least item has become larger. */
  settle(): void {
    const least = this.#items[0]
    if (least !== undefined) this.#sink(least)
  }

  #sink(item: Item): void {
    const items = this.#items
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      const [left, right] = [items[child], items[child + 1]]
      if (left === undefined) break
      if (right !== undefined && this.#isBefore(right, left)) child++
      const smaller = items[child] as Item
      if (!this.#isBefore(smaller, item)) break
      items[hole] = smaller
      hole = child
    }
    items[hole] = item
  }
}
