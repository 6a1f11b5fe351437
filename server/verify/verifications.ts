/**
 * What a device compares with and what it found: its copy's description and digests come from a child process, what came
 * of a comparison is kept with the server's time. Rules VF-1, VF-2, VF-6.
 */

import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import type {
  CopyDescription,
  DigestReply,
  DigestRequest,
  Verification,
  VerificationReport,
} from '../../schemas/http/verify.ts'
import { copyKeyContext } from '../backup/copyKey.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue/catalogue.ts'
import type { VerificationRow, Verifications } from '../catalogue/verifications.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { CopyPlace } from './digestCopy.ts'

export interface VerifyParts {
  readonly databases: Databases
  readonly verifications: Verifications
  readonly keyRing: KeyRing
  copyPath(copyId: string): string
  now(): number
  readonly jobs: {
    describeCopy(input: CopyPlace & { withObjects: boolean }, owner: DatabaseKey): Promise<CopyDescription>
    digestCopy(input: CopyPlace & { request: DigestRequest }, owner: DatabaseKey): Promise<DigestReply>
  }
}

export interface VerifyService {
  /** @throws {CodedError} `database.unknown`, `storage.corrupt`, `worker.limit`. */
  describe(key: DatabaseKey, withObjects: boolean): Promise<CopyDescription>
  /** @throws {CodedError} as `digestCopyJob`; `anchor.mismatch` also for a copy that is a sealed file. */
  digest(key: DatabaseKey, request: DigestRequest): Promise<DigestReply>
  /** @throws {CodedError} `database.unknown`. */
  report(key: DatabaseKey, report: VerificationReport): Promise<void>
}

export function createVerifyService(parts: VerifyParts): VerifyService {
  const find = async (key: DatabaseKey): Promise<DatabaseRow> => {
    const row = await parts.databases.get(key)
    if (row === undefined) throw new CodedError('database.unknown', `there is no copy of ${key.name}`)
    return row
  }
  const placeOf = ({ copyId, wrappedKey }: DatabaseRow): CopyPlace => ({
    copyPath: parts.copyPath(copyId),
    copyKey: toHex(parts.keyRing.unwrap(wrappedKey, copyKeyContext(copyId))),
  })
  return {
    async describe(key, withObjects) {
      const row = await find(key)
      const { kind, lineage, number, token } = row
      if (kind === 'file') return { kind, lineage, number, token }
      return parts.jobs.describeCopy({ ...placeOf(row), withObjects }, key)
    },
    async digest(key, request) {
      const row = await find(key)
      if (row.kind === 'file') throw new CodedError('anchor.mismatch', 'the copy is a file that is sent whole')
      return parts.jobs.digestCopy({ ...placeOf(row), request }, key)
    },
    async report(key, report) {
      await find(key)
      await parts.verifications.put({ ...key, ...report, verifiedAt: parts.now() })
    },
  }
}

/** One copy, looked at now. */
export interface VerifiedCopy {
  readonly result: 'proven' | 'unchecked' | 'failed'
  /** Why it cannot be restored. */
  readonly failure?: string
  /** What its device last found. */
  readonly verification?: Verification
}

/** What a device last found, as it is shown. */
export function describeVerification({
  accountId: _a,
  deviceId: _d,
  name: _n,
  ...found
}: VerificationRow): Verification {
  return found
}
