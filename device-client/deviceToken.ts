/** The device's access token for REST calls: fetched by its own secret, kept until shortly before its end. */

import type { CallOf } from '../schemas/http/api.ts'
import type { AgentRecords } from './agentRecords.ts'
import type { Fetch } from './ports.ts'
import { restCall, textField } from './restCall.ts'

const loginPath: CallOf<'loginDevice'>['path'] = '/accounts/devices/login'

/** Seconds before its end at which a token is renewed. */
const RENEW_S = 60

export interface DeviceToken {
  readonly server: string
  /** @throws {CodedError} `auth.*`, `network.unreachable`. */
  read(): Promise<string>
  /** For a token that was refused: the next `read` fetches another. */
  forget(): void
}

/** @throws {CodedError} `device.unknown` before `init`. */
export async function openDeviceToken(ports: {
  readonly fetch: Fetch
  readonly records: AgentRecords
  readonly clock: { now(): number }
}): Promise<DeviceToken> {
  const { server, deviceId } = await ports.records.identity()
  const secret = await ports.records.secret()
  let held: { token: string; until: number } | undefined
  return {
    server,
    forget: () => {
      held = undefined
    },
    read: async () => {
      if (held && held.until > ports.clock.now()) return held.token
      const body = { deviceId, secret }
      const answer = await restCall(ports.fetch, { server, method: 'POST', path: loginPath, body })
      const lifeS = Number((answer as { expiresIn?: unknown }).expiresIn) || 0
      held = { token: textField(answer, 'accessToken', server), until: ports.clock.now() + (lifeS - RENEW_S) * 1000 }
      return held.token
    },
  }
}
