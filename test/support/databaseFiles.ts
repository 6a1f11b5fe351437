/** Whether a database changed, told from its octets: what follows from unchanged files need not be looked at again. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** SHA-256 over a database's file and what lies beside it, hex; the same as long as no octet of them changes. */
export function digestOfFiles(path: string): string {
  const hash = createHash('sha256')
  for (const suffix of ['', '-wal', '-journal']) hash.update(octets(path + suffix)).update(`end of ${suffix}`)
  return hash.digest('hex')
}

function octets(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') return new Uint8Array()
    throw cause
  }
}

/** A text that follows from a database's files, and is made anew only when they changed. */
export class FromFiles {
  #digest: string | undefined
  #text = ''

  /** `make` of the files at `path` as they are now. */
  read(path: string, make: () => string): string {
    const digest = digestOfFiles(path)
    if (digest !== this.#digest) this.#text = make()
    this.#digest = digest
    return this.#text
  }

  /** Whether `read` would have to make it anew. */
  isStale(path: string): boolean {
    return digestOfFiles(path) !== this.#digest
  }
}
