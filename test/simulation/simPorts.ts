/** The ports of one life of a simulated device: messages pass over its network, and time is the world's. */

import type { Fetch, KeyStore } from '../../device-client/ports.ts'
import type { SessionPorts } from '../../device-client/session/sessionRequest.ts'
import type { SimNetwork } from './simNetwork.ts'
import type { SimServer } from './simServer.ts'
import type { World } from './world.ts'

export interface SimPortsParts {
  readonly world: World
  readonly server: SimServer
  readonly network: SimNetwork
  readonly keyStore: KeyStore
  readonly isAlive: () => boolean
}

const silent = (): void => undefined

export const simRandom = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }

export function simPorts({ world, server, network, keyStore, isAlive }: SimPortsParts): SessionPorts {
  const fetch: Fetch = async (url, init) => {
    const { host, pathname, search } = new URL(url)
    const request = {
      bytes: (init.body ?? new Uint8Array()).slice(),
      contentType: init.headers['content-type'] ?? '',
      url: `${pathname}${search}`,
      host,
      remoteAddress: '127.0.0.1',
    }
    const answer = await network.call(() => server.omads(request))
    return {
      status: answer.status,
      header: (name) => (name === 'content-type' ? (answer.contentType ?? null) : null),
      bytes: async () => answer.bytes,
    }
  }
  const sleep = async (ms: number): Promise<void> => {
    await world.sleep(ms)
    if (!isAlive()) await world.never()
  }
  return {
    fetch,
    clock: { now: () => world.now, sleep },
    random: simRandom,
    keyStore,
    log: { debug: silent, info: silent, warn: silent },
  }
}
