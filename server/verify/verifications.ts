/**
 * What a device compares with and what it found: its copy's description and digests come from a child process, what came
 * of a comparison is kept with the server's time. Rules VF-1, VF-2, VF-6.
 */

import { CodedError } from '../../schemas/errors.ts'
import type {
  CopyDescription,
  DigestReply,
  DigestRequest,
  Verification,
  VerificationReport,
} from '../../schemas/http/verify.ts'
import { type CopyPlace, placeOfCopy } from '../backup/copyKey.ts'
import type { DatabaseKey, Databases } from '../catalogue/catalogue.ts'
import type { VerificationRow, Verifications } from '../catalogue/verifications.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import { findDatabase, readCopy } from '../restore/readCopy.ts'

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
  return {
    async describe(key, withObjects) {
      const { result } = await readCopy(parts.databases, key, async (row) => {
        const { kind, lineage, number, token } = row
        if (kind === 'file') return { kind, lineage, number, token }
        return parts.jobs.describeCopy({ ...placeOfCopy(parts, row), withObjects }, key)
      })
      return result
    },
    async digest(key, request) {
      const { result } = await readCopy(parts.databases, key, async (row) => {
        if (row.kind === 'file') throw new CodedError('anchor.mismatch', 'the copy is a file that is sent whole')
        return parts.jobs.digestCopy({ ...placeOfCopy(parts, row), request }, key)
      })
      return result
    },
    async report(key, report) {
      await findDatabase(parts.databases, key)
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
