/**
 * The account service in another process: the same port over HTTP, each call with the shared service secret (AC-6,
 * AC-7). Tokens are verified here with the published keys, which are kept, so that known devices and their tokens go
 * on while the service is away (AC-8).
 */

import type { JWK } from 'jose'
import { CodedError, isErrorCode } from '../../schemas/errors.ts'
import { calls } from '../../schemas/http/api.ts'
import { type CallInput, type CallReply, formatPath, type HttpCall } from '../../schemas/http/call.ts'
import type { AccountService } from './accountService.ts'
import { namesUnknownKey, verifyToken } from './token.ts'

const TIMEOUT_MS = 10_000
/** A token with an unknown key makes the keys be fetched again, but not more often than this. */
const KEYS_MIN_AGE_MS = 5000
const KEYS_MAX_AGE_MS = 5 * 60_000

export interface HttpAccountOptions {
  /** Where the account service listens, e.g. `http://127.0.0.1:8090`. */
  readonly baseUrl: string
  /** The shared service secret. */
  readonly serviceSecret: string
  readonly clock: () => number
}

/** The account service at `options.baseUrl`. */
export function createHttpAccountService(options: HttpAccountOptions): AccountService {
  const send = sender(options)
  const keys = keptKeys(options, async () => (await send(calls.jwks, undefined)).keys as JWK[])
  return {
    register: (name, password) => send(calls.internalRegister, { name, password }),
    login: (name, password) => send(calls.internalLogin, { name, password }),
    refresh: (refreshToken) => send(calls.internalRefresh, { refreshToken }),
    registerDevice: (accountId, name, deviceId) => send(calls.internalRegisterDevice, { accountId, name, deviceId }),
    loginDevice: (deviceId, secret) => send(calls.internalLoginDevice, { deviceId, secret }),
    createAppPassword: (accountName) => send(calls.internalCreateAppPassword, { accountName }),
    setAccountDisabled: (name, disabled) => send(calls.internalSetAccountDisabled, { name, disabled }),
    setDeviceDisabled: (deviceId, disabled, accountId) =>
      send(calls.internalSetDeviceDisabled, { deviceId, disabled, ...(accountId === undefined ? {} : { accountId }) }),
    setDeviceFence: (accountId, deviceId, reason) =>
      send(calls.internalSetDeviceFence, { accountId, deviceId, reason }),
    removeAccount: (accountId) => send(calls.internalRemoveAccount, { accountId }),
    listAccounts: async () => (await send(calls.internalListAccounts, undefined)).accounts,
    listDevices: async (accountId) => (await send(calls.internalListDevices, { accountId })).devices,
    verifySyncml: ({ data, nonces, ...rest }) =>
      send(calls.internalVerify, { ...rest, data: base64(data), nonces: nonces.map(base64) }),
    isEnabled: async (accountId, deviceId) => (await send(calls.internalEnabled, { accountId, deviceId })).enabled,
    verifyToken: async (token) => verifyToken(token, await keys(token), options.clock()),
    jwks: () => send(calls.jwks, undefined),
  }
}

type Send = <Call extends HttpCall>(call: Call, body: CallInput<Call>['body']) => Promise<CallReply<Call>>

function sender({ baseUrl, serviceSecret }: HttpAccountOptions): Send {
  return async (call, body) => {
    const response = await request(new URL(formatPath(call), baseUrl), call.method, serviceSecret, body)
    if (response.status !== call.status) throw await readProblem(response)
    if (call.reply === undefined) return undefined as CallReply<typeof call>
    const parsed = call.reply.safeParse(await response.json().catch(() => undefined))
    if (!parsed.success)
      throw new CodedError('network.unreachable', 'the account service answers something else', { cause: parsed.error })
    return parsed.data as CallReply<typeof call>
  }
}

async function request(url: URL, method: string, secret: string, body: unknown): Promise<Response> {
  try {
    return await fetch(url, {
      method: method.toUpperCase(),
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new CodedError('network.unreachable', 'the account service does not answer', {
      cause,
      fields: { url: url.origin },
    })
  }
}

async function readProblem(response: Response): Promise<CodedError> {
  const problem = (await response.json().catch(() => ({}))) as {
    code?: unknown
    detail?: unknown
    accountId?: unknown
  }
  const detail = typeof problem.detail === 'string' ? problem.detail : `the account service answers ${response.status}`
  const fields = { httpStatus: response.status }
  // Its own trouble is its absence to us: what is kept goes on.
  if (response.status >= 500 || !isErrorCode(problem.code))
    return new CodedError('network.unreachable', detail, { fields })
  const { accountId } = problem
  return new CodedError(problem.code, detail, {
    fields: { ...fields, ...(typeof accountId === 'string' && { accountId }) },
  })
}

/** The published keys, fetched anew when they are old or a token names another. */
function keptKeys(
  { clock }: HttpAccountOptions,
  fetchKeys: () => Promise<readonly JWK[]>,
): (token: string) => Promise<readonly JWK[]> {
  let kept: { readonly keys: readonly JWK[]; readonly fetchedAt: number } | undefined
  return async (token) => {
    const ageMs = kept === undefined ? Number.POSITIVE_INFINITY : clock() - kept.fetchedAt
    const needed = ageMs > KEYS_MAX_AGE_MS || (ageMs > KEYS_MIN_AGE_MS && namesUnknownKey(token, kept?.keys ?? []))
    if (!needed && kept !== undefined) return kept.keys
    try {
      const keys = await fetchKeys()
      kept = { keys, fetchedAt: clock() }
      return keys
    } catch (cause) {
      if (kept === undefined) throw cause
      return kept.keys
    }
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
