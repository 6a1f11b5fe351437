/** Fences another device of the account, or takes that back, with the account's password (ID-4). */

import { CodedError } from '../schemas/errors.ts'
import type { CallOf } from '../schemas/http/api.ts'
import { fetchAccountToken } from './accountToken.ts'
import type { AgentRecords } from './agentRecords.ts'
import type { FenceOptions, FenceReport } from './deviceClient.ts'
import type { Fetch } from './ports.ts'
import { restCall, restOctets } from './restCall.ts'

const devicesPath: CallOf<'listOwnDevices'>['path'] = '/accounts/devices'
const fencePath: CallOf<'setOwnFence'>['path'] = '/api/v1/devices/{deviceId}/fence'

interface ListedDevice {
  readonly deviceId: string
  readonly name: string
}

/** @throws {CodedError} `device.unknown`, `auth.*`, `network.unreachable`. */
export async function fenceDevice(
  { fetch, records }: { readonly fetch: Fetch; readonly records: AgentRecords },
  { device, password, reason }: FenceOptions,
): Promise<FenceReport> {
  const { server, user } = await records.identity()
  const token = await fetchAccountToken(fetch, { server, user, password })
  const answer = await restCall(fetch, { server, method: 'GET', path: devicesPath, token })
  const { devices } = answer as { devices?: readonly ListedDevice[] }
  const found = devices?.find(({ deviceId, name }) => deviceId === device || name === device)
  if (found === undefined) throw new CodedError('device.unknown', `the account has no device ${device}`)
  const path = fencePath.replace('{deviceId}', encodeURIComponent(found.deviceId))
  await restOctets(fetch, { server, method: 'PUT', path, token, body: { reason } })
  return { device: found.name, deviceId: found.deviceId, reason }
}
