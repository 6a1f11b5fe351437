/**
 * By what this installation is told from a copy of its home (DC-110): random values, each kept before it is sent, so that
 * whoever was copied goes on with values that the copy does not have.
 */

import {
  formatInstallation,
  INSTALLATION_HEADER,
  INSTALLATION_VALUE_BYTES,
  MAX_INSTALLATION_VALUES,
} from '../../schemas/http/installationHeader.ts'
import { toBase64 } from '../../schemas/syncml/base64.ts'
import type { AgentRecords } from '../agentRecords.ts'
import type { Clock, Fetch, Random } from '../ports.ts'

/** A process that goes on for long makes a new value after this, milliseconds. */
const RENEW_MS = 3_600_000

export interface Installation {
  /**
   * What is sent now, newest first; `taken` is the value that a server took last. A newest one that no server took goes
   * again: what a server may hold is never forgotten.
   */
  present(taken: string | undefined): Promise<readonly string[]>
  /** A new value in any case, durable when it resolves. */
  renew(): Promise<string>
}

export function createInstallation(ports: {
  readonly records: Pick<AgentRecords, 'installation' | 'setInstallation'>
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
}): Installation {
  const { records, random, clock } = ports
  /** Of this process. */
  let own: { readonly value: string; readonly madeAt: number } | undefined
  const make = async (values: readonly string[]): Promise<readonly string[]> => {
    const value = newValue(random)
    const next = [value, ...values].slice(0, MAX_INSTALLATION_VALUES)
    await records.setInstallation(next)
    own = { value, madeAt: clock.now() }
    return next
  }
  return {
    async present(taken) {
      const values = await records.installation()
      const [newest] = values
      const isOwn = own !== undefined && own.value === newest && clock.now() - own.madeAt < RENEW_MS
      return newest === undefined || (newest === taken && !isOwn) ? make(values) : values
    },
    renew: async () => (await make(await records.installation()))[0] ?? '',
  }
}

/** `fetch` that says which installation asks. */
export function presenting(fetch: Fetch, values: readonly string[]): Fetch {
  const header = { [INSTALLATION_HEADER]: formatInstallation(values) }
  return (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...header } })
}

function newValue({ bytes }: Random): string {
  return toBase64(bytes(INSTALLATION_VALUE_BYTES)).replaceAll('+', '-').replaceAll('/', '_')
}
