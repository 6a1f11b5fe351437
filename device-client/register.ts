/**
 * Registers this device with its account over REST: password in, device secret out (AC-2).
 * The password is used for one exchange and kept nowhere; the secret goes straight to the key store.
 */

import { CodedError, isErrorCode } from '../schemas/errors.ts'
import type { CallOf } from '../schemas/http/api.ts'
import { decodeUtf8, encodeUtf8 } from '../schemas/utf8.ts'
import type { AgentRecords, Identity } from './agentRecords.ts'
import type { InitOptions, InitReport } from './deviceClient.ts'
import type { Fetch, Random } from './ports.ts'

// Only the types of the calls come in: the validator behind them would double the start of every backup.
const loginPath: CallOf<'login'>['path'] = '/accounts/login'
const devicesPath: CallOf<'registerDevice'>['path'] = '/accounts/devices'

/**
 * Logs in, registers the device under a new random id, and writes secret and identity down, the secret first.
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
  const deviceId = `nf-${[...ports.random.bytes(16)].map((octet) => octet.toString(16).padStart(2, '0')).join('')}`
  const login = await post(ports.fetch, server, loginPath, { name: options.user, password: options.password })
  const accessToken = textField(login, 'accessToken', server)
  const body = { name: options.device, deviceId }
  const secret = textField(await post(ports.fetch, server, devicesPath, body, accessToken), 'secret', server)
  const identity: Identity = { server, user: options.user, device: options.device, deviceId }
  await ports.records.setSecret(secret)
  await ports.records.setIdentity(identity)
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

async function post(fetch: Fetch, server: string, path: string, body: unknown, token?: string): Promise<unknown> {
  const reply = await fetch(`${server}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: encodeUtf8(JSON.stringify(body)),
  })
  const answer = parseAnswer(await reply.bytes())
  if (reply.status === 200 || reply.status === 201) return answer
  throw problemOf(reply.status, answer, server)
}

function parseAnswer(octets: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(octets) ?? '')
  } catch {
    // Told by the caller, who knows the status: an answer that is no JSON is none of our server.
    return undefined
  }
}

function problemOf(status: number, answer: unknown, server: string): CodedError {
  const problem = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  if (!isErrorCode(problem.code)) return foreignAnswer(server, `status ${status}`)
  const detail = typeof problem.detail === 'string' ? problem.detail : `the server answered ${problem.code}`
  return new CodedError(problem.code, detail, { fields: { status } })
}

function textField(answer: unknown, name: string, server: string): string {
  const value = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined
  if (typeof value === 'string' && value !== '') return value
  throw foreignAnswer(server, `no ${name}`)
}

function foreignAnswer(server: string, found: string): CodedError {
  return new CodedError('network.unreachable', `${server} does not answer as a Nightferry server does (${found})`, {
    next: 'Check the address of the server.',
  })
}
