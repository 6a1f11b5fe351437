/** Says that this installation goes on as the device, where several present its identity (ID-9). */

import { CodedError } from '../schemas/errors.ts'
import type { CallOf } from '../schemas/http/api.ts'
import { fetchAccountToken } from './accountToken.ts'
import type { AgentRecords } from './agentRecords.ts'
import type { Fetch } from './ports.ts'
import { restOctets } from './restCall.ts'
import type { Installation } from './session/installation.ts'

const claimPath: CallOf<'claimInstallation'>['path'] = '/api/v1/devices/{deviceId}/installation'

export interface ClaimReport {
  readonly device: string
  readonly deviceId: string
}

/** The password is used once and kept nowhere. @throws {CodedError} `device.unknown`, `auth.*`, `network.unreachable`. */
export async function claimDevice(
  ports: { readonly fetch: Fetch; readonly records: AgentRecords; readonly installation?: Installation },
  password: string,
): Promise<ClaimReport> {
  const { fetch, records, installation } = ports
  const { server, user, device, deviceId } = await records.identity()
  // A page's home is not copied.
  if (installation === undefined) throw new CodedError('config.invalid', 'this client cannot be told from a copy')
  const token = await fetchAccountToken(fetch, { server, user, password })
  const value = await installation.renew()
  const path = claimPath.replace('{deviceId}', encodeURIComponent(deviceId))
  await restOctets(fetch, { server, method: 'PUT', path, token, body: { value } })
  return { device, deviceId }
}
