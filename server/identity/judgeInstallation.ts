/** Whether a session comes from the installation that the server knows the device by (ID-6, ID-7). Pure. */

/** `unchecked`: nothing is known, and nothing to be kept. */
export type InstallationVerdict = 'unchecked' | 'accepted' | 'cloned'

/**
 * `kept` is the value that was accepted last, `presented` what the session says of its installation, newest first, or
 * undefined if it says nothing; `backsUp` if it is about to write a backup.
 */
export function judgeInstallation(
  kept: string | undefined,
  presented: readonly string[] | undefined,
  backsUp: boolean,
): InstallationVerdict {
  if (presented === undefined) return kept !== undefined && backsUp ? 'cloned' : 'unchecked'
  if (presented.length === 0) return kept === undefined ? 'unchecked' : 'cloned'
  return kept === undefined || presented.includes(kept) ? 'accepted' : 'cloned'
}
