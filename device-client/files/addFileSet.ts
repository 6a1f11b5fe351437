/** Whether what a user adds is a database or a set of files, and by which methods each can be backed up. Rule FS-13. */

import type { BackupMethod } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { FilePorts } from './filePorts.ts'

/**
 * True for a folder, and for a file that is to be copied.
 * @throws {CodedError} `config.invalid` for a method that does not fit, `database.unknown` if nothing is there.
 */
export function isFileSet(files: FilePorts | undefined, path: string, method: BackupMethod | undefined): boolean {
  if (files?.isFolder(path)) return expectMethod('files', method ?? 'copy')
  // Only then is the file opened: who closes a file of SQLite gives up the locks of the whole process.
  if (method === 'copy' && files?.isDatabase(path) === false) return true
  expectMethod(undefined, method ?? 'delta')
  return false
}

/** @throws {CodedError} `config.invalid` if `method` is none of a database, or of a set of files. */
export function expectMethod(kind: 'files' | undefined, method: BackupMethod): true {
  if ((kind === 'files') === (method === 'copy')) return true
  const next =
    kind === 'files'
      ? 'A set of files is always copied in blocks; leave --method out.'
      : 'A database is backed up by delta, full or differential; copy is for other files.'
  throw new CodedError('config.invalid', `the method ${method} is not for this`, { next })
}
