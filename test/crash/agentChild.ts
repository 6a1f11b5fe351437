/**
 * An agent that stays: the real client on a real home, in a process of its own that takes one command after the other.
 * Between a command and its answer it can be killed at any moment.
 */

import type { DeviceClient } from '../../device-client/deviceClient.ts'
import { openHome } from '../../device-client/node/home.ts'
import { openNodeClient } from '../../device-client/node/openNodeClient.ts'

type OrderName = 'init' | 'add' | 'backup' | 'restore' | 'points' | 'claim'

/** What an agent can be told; as the commands of `nightferry-device`. */
export type AgentOrder = {
  [Name in OrderName]: {
    readonly name: Name
    readonly args: Parameters<DeviceClient[Name]>
  }
}[OrderName]

/** How an order ended. */
export type AgentReply =
  | { readonly ok: true; readonly report: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: string; readonly message: string }

const silent = (): void => undefined
const home = openHome(process.argv[2] ?? '')
const { client } = openNodeClient(home, { debug: silent, info: silent, warn: silent }, '0.0.0')

async function obey(order: AgentOrder): Promise<AgentReply> {
  try {
    const held = home.lock('work')
    try {
      const work = client[order.name] as (...args: unknown[]) => Promise<object>
      return { ok: true, report: { ...(await work(...order.args)) } }
    } finally {
      held.release()
    }
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown }
    return { ok: false, code: String(code ?? 'internal'), message: String(message) }
  }
}

process.on('message', (order) => {
  void obey(order as AgentOrder).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0))
