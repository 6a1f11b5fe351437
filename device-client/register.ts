/**
 * Registers this device with its account over REST: password in, device secret out (AC-2).
 * The password is used for one exchange and kept nowhere; the secret goes straight to the key store.
 */

import { CodedError } from '../schemas/errors.ts'
import { toHex } from '../schemas/hex.ts'
import type { CallOf } from '../schemas/http/api.ts'
import { toBase64 } from '../schemas/syncml/base64.ts'
import { fetchAccountToken } from './accountToken.ts'
import type { AgentRecords, Identity } from './agentRecords.ts'
import type { InitOptions, InitReport } from './deviceClient.ts'
import type { Fetch, Random } from './ports.ts'
import { restCall, textField } from './restCall.ts'
import { step } from './steps.ts'

// Only the types of the calls come in: the validator behind them would double the start of every backup.
const serverPasswordPath: CallOf<'setOwnServerPassword'>['path'] = '/api/v1/devices/{deviceId}/server-password'
const devicesPath: CallOf<'registerDevice'>['path'] = '/accounts/devices'

/**
 * Logs in, registers the device under a new random id, and writes secret and identity down, the secret first. With
 * `verifyServer` the server gets a password of this device's making, too, by the same exchange that brings the secret.
 *
 * @throws {CodedError} `auth.invalid`, `device.exists`, `network.unreachable`; `config.invalid` if this home already
 *   belongs to a device.
 */
export async function registerDevice(
  ports: { readonly fetch: Fetch; readonly random: Random; readonly records: AgentRecords },
  options: InitOptions,
): Promise<InitReport> {
  await refuseSecondLife(ports.records)
  const server = options.server.replace(/\/+$/, '')
  const deviceId = `nf-${toHex(ports.random.bytes(16))}`
  const token = await fetchAccountToken(ports.fetch, { ...options, server })
  const body = { name: options.device, deviceId }
  step('register')
  const registered = await restCall(ports.fetch, { server, method: 'POST', path: devicesPath, body, token })
  const secret = textField(registered, 'secret', server)
  const identity: Identity = { server, user: options.user, device: options.device, deviceId }
  await ports.records.setSecret(secret)
  step('secret-kept')
  if (options.verifyServer) {
    const password = toBase64(ports.random.bytes(24))
    const path = serverPasswordPath.replace('{deviceId}', deviceId)
    const named = await restCall(ports.fetch, { server, method: 'PUT', path, body: { password }, token })
    await ports.records.setServerLogin({ serverId: textField(named, 'serverId', server), password })
  }
  await ports.records.setIdentity(identity)
  step('identity-kept')
  return identity
}

async function refuseSecondLife(records: AgentRecords): Promise<void> {
  let identity: Identity
  try {
    identity = await records.identity()
  } catch (error) {
    if (error instanceof CodedError && error.code === 'device.unknown') return
    throw error
  }
  throw new CodedError('config.invalid', `this home already belongs to device ${identity.device}`, {
    next: 'Choose another home with --home, or go on with this device.',
  })
}
