/** Builds the deletion of accounts. Part of `assemble.ts`. */

import { join } from 'node:path'
import { type ErasureReceipt, erasureReceipt } from '../schemas/http/erasures.ts'
import type { AccountService } from './account/accountService.ts'
import { removeCopy } from './backup/importFile.ts'
import type { ErasedFiles } from './catalogue/erasures.ts'
import { sqlErasures } from './catalogue/sqlite/erasures.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { emptyLog } from './catalogue/sqlite/openSqliteFile.ts'
import { type AccountErasure, createAccountErasure } from './erasure/eraseAccount.ts'
import type { KeyRing } from './keys/keyRing.ts'
import { removeImage } from './restore/buildImage.ts'
import { openSegmentMapSigner, readSigned } from './restore/signSegmentMap.ts'
import { openFileStorage } from './storage/fileStorage.ts'
import type { Spool } from './storage/spool.ts'
import { createTraceFiles } from './trace/traceFiles.ts'

/** Media type of a signed receipt. */
export const RECEIPT_TYPE = 'nightferry-erasure+jws'

export interface ErasureAssemblyParts {
  readonly data: string
  readonly catalogue: CatalogueDb
  readonly accounts: AccountService
  readonly spool: Spool
  readonly keyRing: KeyRing
  clock(): number
}

/** @throws {CodedError} `key.wrong`, `storage.*` if the signing key does not open. */
export async function assembleErasure(parts: ErasureAssemblyParts): Promise<AccountErasure> {
  const { data, catalogue, accounts, spool, keyRing, clock } = parts
  const folder = (name: string): string => join(data, name)
  const storage = openFileStorage(folder('storage'))
  const traces = createTraceFiles(openFileStorage(folder('traces')), keyRing)
  const { publicKey, signAs } = await openSegmentMapSigner(storage, keyRing)
  return createAccountErasure({
    erasures: sqlErasures(catalogue),
    accounts,
    serverId: keyRing.serverId,
    removeFiles: async (accountId, files) => {
      for (const copyId of files.copyIds) await removeCopy(join(folder('copies'), `${copyId}.db`))
      for (const imageId of files.imageIds)
        await removeImage(imageId, join(folder('images'), `${imageId}.image`), storage)
      await removeSpools(spool, files)
      for (const deviceId of files.tracedDevices)
        await traces.removeBefore({ accountId, deviceId }, Number.POSITIVE_INFINITY)
    },
    scrub: async () => {
      await emptyLog({ path: folder('catalogue.sqlite'), context: 'catalogue' }, keyRing)
      await emptyLog({ path: folder('accounts.sqlite'), context: 'accounts' }, keyRing)
    },
    signer: {
      publicKey,
      sign: (receipt) => signAs(RECEIPT_TYPE, receipt),
      read: (signed): ErasureReceipt => erasureReceipt.parse(readSigned(signed)),
    },
    now: clock,
  })
}

async function removeSpools(spool: Spool, { spoolIds, sessions }: ErasedFiles): Promise<void> {
  for (const spoolId of spoolIds) await spool.remove(spoolId)
  if (sessions.length === 0) return
  for (const { spoolId } of await spool.list())
    if (sessions.some((token) => spoolId.startsWith(`omads-${token}-`))) await spool.remove(spoolId)
}
