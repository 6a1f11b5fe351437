/** Names of the spool's files: whose they are, and which master key their key follows from (KY-4). */

/** `<spool id>.<id of the master key>.spool`; without the key's id if it was begun before there were any. */
const FILE_NAME = /^([A-Za-z0-9_-]{1,128})(?:\.(mk_[0-9a-f]{16}))?\.spool$/

/** Undefined if it is no file of a spool. */
export function parseSpoolName(
  name: string,
): { readonly spoolId: string; readonly keyId: string | undefined } | undefined {
  const [, spoolId, keyId] = FILE_NAME.exec(name) ?? []
  return spoolId === undefined ? undefined : { spoolId, keyId }
}

export function formatSpoolName(spoolId: string, keyId: string): string {
  return `${spoolId}.${keyId}.spool`
}
