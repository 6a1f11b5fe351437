/** Builds what devices compare with, and the operator's look at one copy. Part of `assemble.ts`. */

import type { AccountService } from './account/accountService.ts'
import type { BackupAssembly } from './assembleBackups.ts'
import type { DatabaseKey, Databases, Proofs } from './catalogue/catalogue.ts'
import type { Verifications } from './catalogue/verifications.ts'
import type { Handlers } from './http/handlers.ts'
import { verifyHandlers } from './http/verifyHandlers.ts'
import type { Logger } from './logger.ts'
import { findDatabase } from './restore/readCopy.ts'
import { openEpoch } from './serverBackup/epoch.ts'
import { describeVerification, type VerifiedCopy } from './verify/verifications.ts'

export interface VerifyAssembly {
  readonly epoch: string
  readonly handlers: Handlers
  /** Proves a copy now. @throws {CodedError} `database.unknown`. */
  verifyNow(key: DatabaseKey): Promise<VerifiedCopy>
}

export function assembleVerify(parts: {
  readonly data: string
  readonly databases: Databases
  readonly accountService: AccountService
  readonly proofs: Pick<Proofs, 'find'>
  readonly verifications: Verifications
  readonly backups: Pick<BackupAssembly, 'night' | 'verify'>
  readonly log: Logger
}): VerifyAssembly {
  const { databases, proofs, verifications, accountService, backups, log } = parts
  const { verify } = backups
  const epoch = openEpoch(parts.data, () => log.error('the epoch was damaged: another one begins', {}))
  const verifyNow = async (key: DatabaseKey): Promise<VerifiedCopy> => {
    await findDatabase(databases, key)
    const result = await backups.night.proveNow(key)
    const failure = (await proofs.find(key))?.failure
    const found = await verifications.find(key)
    return {
      result,
      ...(result === 'failed' && failure !== undefined && { failure }),
      ...(found && { verification: describeVerification(found) }),
    }
  }
  return { epoch, verifyNow, handlers: verifyHandlers({ accountService, verify, verifyNow, epoch }) }
}
