/** Numbers that one side of a process tells while the other works: an iteration that waits for what comes. */

/** What was told last counts: numbers that nobody has read yet give way to the newest. */
export class Feed implements AsyncIterable<number> {
  #latest: number | undefined
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  tell(value: number): void {
    this.#latest = value
    this.#wake?.()
  }

  /** Nothing comes after what was told. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Whoever reads meets `cause`. */
  fail(cause: Error): void {
    this.#failure = cause
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    for (;;) {
      if (this.#failure) throw this.#failure
      const value = this.#latest
      if (value !== undefined) {
        this.#latest = undefined
        yield value
      } else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
