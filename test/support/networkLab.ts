/**
 * A network of its own for real processes: a namespace for the server and one for each device, a link of its own speed
 * from each device to the server, and a local network between the devices. Needs the right to make namespaces (root).
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type Interop, interop } from './requireProgram.ts'
import type { Places } from './sharedDelivery.ts'

/** Whether such networks can be made here, and why not. @throws Error if not, under `NIGHTFERRY_REQUIRE_INTEROP=1`. */
export function networkLabs(): Interop {
  for (const name of ['ip', 'tc']) {
    const found = interop(name, 'iproute2')
    if (!found.available) return found
  }
  const probe = `nfprobe${randomBytes(2).toString('hex')}`
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'pipe' })
    const shape = ['netns', 'exec', probe, 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', ...tbf(10)]
    execFileSync('ip', shape, { stdio: 'pipe' })
    return { available: true, reason: '' }
  } catch (cause) {
    if (process.env.NIGHTFERRY_REQUIRE_INTEROP === '1')
      throw new Error('network namespaces cannot be made, but NIGHTFERRY_REQUIRE_INTEROP=1 asks for them', { cause })
    return { available: false, reason: '(skipped: no right to make and shape network namespaces)' }
  } finally {
    try {
      execFileSync('ip', ['netns', 'del', probe], { stdio: 'pipe' })
    } catch {
      // It was never made.
    }
  }
}

export interface NetworkLab {
  readonly places: Places
  /** Runs a program where the device is. */
  via(name: string): readonly string[]
  /** The device's address on the local network. */
  lanAddress(name: string): string
  /** The namespace of the local network's switch, and the port of a device there. */
  readonly lan: { readonly via: readonly string[]; portOf(name: string): string }
  /** Changes the speed of a device's link to the server. */
  setLink(name: string, mbit: number): void
  /** Cuts a device off the local network, or connects it again. */
  setLan(name: string, isUp: boolean): void
  /** Octets that the server sent over a device's link, with all that surrounds them. */
  sentTo(name: string): number
  close(): void
}

const LAN_MBIT = 400

/** `mbit` of each device to the server, by name. A device that is not named has a link as fast as the local network. */
export function openNetworkLab(mbit: Readonly<Record<string, number>>): NetworkLab {
  const id = randomBytes(3).toString('hex')
  // Of 10.64.0.0/10: labs of other tests that run at the same time have others.
  const net = `10.${(64 + (randomBytes(1)[0] ?? 0) / 2) | 0}`
  const names = Object.keys(mbit)
  const made: string[] = []
  const ns = (what: string): string => `nf${id}-${what}`
  const ip = (...args: string[]): string =>
    execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const within = (what: string, ...args: string[]): string => ip('netns', 'exec', ns(what), ...args)
  const add = (what: string): void => {
    ip('netns', 'add', ns(what))
    made.push(ns(what))
    ip('-n', ns(what), 'link', 'set', 'lo', 'up')
  }
  const shape = (what: string, device: string, speed: number, change = false): void =>
    void within(what, 'tc', 'qdisc', change ? 'change' : 'add', 'dev', device, 'root', ...tbf(speed))
  const link = (one: [string, string, string?], other: [string, string, string?]): void => {
    ip('-n', ns(one[0]), 'link', 'add', one[1], 'type', 'veth', 'peer', 'name', other[1], 'netns', ns(other[0]))
    for (const [what, device, address] of [one, other]) {
      if (address !== undefined) ip('-n', ns(what), 'addr', 'add', address, 'dev', device)
      ip('-n', ns(what), 'link', 'set', 'dev', device, 'up')
    }
  }
  const close = (): void => {
    for (const name of made.splice(0)) ip('netns', 'del', name)
  }
  const at = (name: string): number => names.indexOf(name) + 1
  try {
    add('server')
    add('lan')
    ip('-n', ns('lan'), 'link', 'add', 'switch', 'type', 'bridge')
    ip('-n', ns('lan'), 'link', 'set', 'switch', 'up')
    for (const name of names) {
      const number = at(name)
      add(name)
      link(['server', `s${number}`, `${net}.${number}.1/24`], [name, 'wan', `${net}.${number}.2/24`])
      link(['lan', `p${number}`], [name, 'lan', `${net}.200.${number}/24`])
      ip('-n', ns('lan'), 'link', 'set', `p${number}`, 'master', 'switch')
      shape('server', `s${number}`, mbit[name] ?? LAN_MBIT)
      shape(name, 'wan', mbit[name] ?? LAN_MBIT)
      shape(name, 'lan', LAN_MBIT)
      shape('lan', `p${number}`, LAN_MBIT)
    }
    // How the test itself reaches the server.
    ip('link', 'add', `nf${id}`, 'type', 'veth', 'peer', 'name', 'test', 'netns', ns('server'))
    ip('addr', 'add', `${net}.250.2/24`, 'dev', `nf${id}`)
    ip('link', 'set', `nf${id}`, 'up')
    ip('-n', ns('server'), 'addr', 'add', `${net}.250.1/24`, 'dev', 'test')
    ip('-n', ns('server'), 'link', 'set', 'test', 'up')
  } catch (cause) {
    close()
    throw cause
  }
  const via = (what: string): readonly string[] => ['ip', 'netns', 'exec', ns(what)]
  return {
    places: {
      server: { via: via('server'), host: '0.0.0.0', reach: `${net}.250.1` },
      // The device whose backup is delivered is where the server is.
      device: (name) =>
        at(name) === 0
          ? { via: via('server'), server: '127.0.0.1' }
          : { via: via(name), server: `${net}.${at(name)}.1` },
    },
    via,
    lanAddress: (name) => `${net}.200.${at(name)}`,
    lan: { via: via('lan'), portOf: (name) => `p${at(name)}` },
    setLink: (name, speed) => {
      shape('server', `s${at(name)}`, speed, true)
      shape(name, 'wan', speed, true)
    },
    setLan: (name, isUp) => void ip('-n', ns('lan'), 'link', 'set', `p${at(name)}`, isUp ? 'up' : 'down'),
    sentTo: (name) => Number(within('server', 'cat', `/sys/class/net/s${at(name)}/statistics/tx_bytes`).trim()),
    close,
  }
}

/** A token bucket that holds 5 ms, at least two full frames. */
function tbf(mbit: number): string[] {
  const burstBytes = Math.max(16_000, Math.round((mbit * 1e6 * 0.005) / 8))
  return ['tbf', 'rate', `${Math.round(mbit * 1000)}kbit`, 'burst', String(burstBytes), 'latency', '50ms']
}
