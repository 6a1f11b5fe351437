/** Handlers of `/api/v1/databases*` and `/api/v1/restores*`. A caller sees only what is in its reach (RS-8, ID-1). */

import { CodedError } from '../../schemas/errors.ts'
import type { backupCalls, DatabaseSummary } from '../../schemas/http/backups.ts'
import type { AccountService, RegisteredDevice, TokenClaims } from '../account/accountService.ts'
import type { HealthJudge } from '../alerts/healthJudge.ts'
import type { DatabaseRow, Databases, Proofs } from '../catalogue/catalogue.ts'
import type { Pins } from '../catalogue/pins.ts'
import type { Verifications } from '../catalogue/verifications.ts'
import { outOfReach, reaches, requireReach } from '../identity/reach.ts'
import { describeProof } from '../restore/proofs.ts'
import type { RestoreService } from '../restore/restoreService.ts'
import { describeGuard, newestGuards } from '../timeMachine/pinning.ts'
import { describeVerification } from '../verify/verifications.ts'
import { deviceCaller, type Handlers } from './handlers.ts'

export interface BackupHandlerParts {
  readonly accountService: AccountService
  readonly databases: Databases
  readonly proofs: Pick<Proofs, 'list'>
  readonly pins: Pick<Pins, 'listAccount'>
  readonly verifications: Pick<Verifications, 'list'>
  readonly restores: RestoreService
  /** Judges the databases of one account (AL-1). */
  healthOf(accountId: string): Promise<HealthJudge>
}

/** Handlers of the calls in `backupCalls`. */
export function backupHandlers(parts: BackupHandlerParts): Pick<Required<Handlers>, keyof typeof backupCalls> {
  const { restores } = parts
  return {
    async listDatabases(_input, { claims }) {
      const databases = await listSummaries(parts, claims.accountId)
      return { databases: databases.filter(({ deviceId }) => reaches(claims, deviceId)) }
    },
    async listPoints({ params }, { claims }) {
      requireReach(claims, params.deviceId)
      return { points: await restores.listPoints(claims.accountId, params.deviceId, params.name) }
    },
    async createRestore({ body: { accountToken, ...request } }, { claims }) {
      const caller = deviceCaller(claims)
      if (!reaches(claims, request.fromDeviceId ?? caller.deviceId)) await proveOwner(parts, caller, accountToken)
      return restores.createRestore(caller, request)
    },
    readSegment: async ({ params }, { claims }) =>
      (await restores.readSegment(deviceCaller(claims), params.restoreId, params.segment)).bytes,
    completeRestore: ({ params }, { claims }) => restores.completeRestore(deviceCaller(claims), params.restoreId),
  }
}

/** @throws {CodedError} `auth.forbidden` unless `token` is one of the caller's account, got with its password. */
async function proveOwner(
  { accountService }: BackupHandlerParts,
  caller: Pick<TokenClaims, 'accountId'>,
  token: string | undefined,
): Promise<void> {
  if (token === undefined) throw outOfReach()
  const { scope, accountId } = await accountService.verifyToken(token)
  if (scope !== 'account' || accountId !== caller.accountId) throw outOfReach()
}

/** All databases of an account as the interface shows them. */
export async function listSummaries(
  parts: Omit<BackupHandlerParts, 'restores'>,
  accountId: string,
): Promise<DatabaseSummary[]> {
  const { accountService, databases, proofs, pins, verifications, healthOf } = parts
  const names = await deviceNames(accountService, accountId)
  const found = new Map((await proofs.list(accountId)).map((proof) => [`${proof.deviceId}/${proof.name}`, proof]))
  const guards = newestGuards(await pins.listAccount(accountId))
  const compared = new Map((await verifications.list(accountId)).map((row) => [`${row.deviceId}/${row.name}`, row]))
  const rows = await databases.list(accountId)
  const judge = await healthOf(accountId)
  return rows.map((row) => {
    const key = `${row.deviceId}/${row.name}`
    const proof = found.get(key)
    const verification = compared.get(key)
    return {
      ...toSummary(row, names.get(row.deviceId) ?? row.deviceId.slice(0, 128)),
      health: judge(row, proof?.failure),
      ...describeProof(proof),
      ...describeGuard(guards.get(key)),
      ...(verification && { verification: describeVerification(verification) }),
    }
  })
}

/** While the account service is away the list goes without names rather than not at all (AC-8). */
async function deviceNames(service: AccountService, accountId: string): Promise<ReadonlyMap<string, string>> {
  const devices = await service.listDevices(accountId).catch((cause: unknown): readonly RegisteredDevice[] => {
    if (cause instanceof CodedError && cause.code === 'network.unreachable') return []
    throw cause
  })
  return new Map(devices.map((device) => [device.deviceId, device.name]))
}

function toSummary(row: DatabaseRow, deviceName: string): Omit<DatabaseSummary, 'health'> {
  const { deviceId, name, kind, number, lineage, sizeBytes, lastBackupAt, lastMode, reason, method, timeMachine } = row
  const summary = { deviceId, deviceName, name, kind, number, lineage, sizeBytes, lastBackupAt, lastMode }
  return {
    ...summary,
    ...(reason !== undefined && { reason: reason.slice(0, 1000) }),
    ...(method !== undefined && { method }),
    ...(timeMachine !== undefined && { timeMachine }),
  }
}
