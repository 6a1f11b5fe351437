/**
 * The steps of the server's work at which a kill could matter, by name. Production code says where it stands; nobody
 * listens unless a crash test loaded an observer into the process (BK-21).
 */

/** Every step, in the order of the work. */
export const SERVER_STEPS = [
  'receive',
  'spool-write',
  'spool-written',
  'inflate',
  'apply-begin',
  'apply-schema',
  'apply-rows',
  'apply-position',
  'apply-commit',
  'catalogue',
  'catalogue-written',
  'answer',
  'answer-stored',
  'answer-released',
  'import-receive',
  'import-received',
  'import-build',
  'import-settle',
  'import-settled',
  'put-aside',
  'copy-switch',
  'copy-switched',
  'copy-removed',
  'image-build',
  'image-built',
  'segment-write',
  'segment-stored',
  'ticket',
  'ticket-written',
  'adopt-position',
  'adopted-position',
  'clone',
  'cloned',
  'confirm',
  'confirmed',
  'account',
  'account-written',
  'device',
  'device-written',
  'verify',
  'verified',
] as const

/** Steps of a change of the master key (KY-7), in the order of the work; they have crash tests of their own. */
export const KEY_STEPS = ['key-prepared', 'key-switched', 'key-placed', 'key-rewrapped', 'key-forgotten'] as const

/** Steps of the deletion of an account (KY-11), likewise. */
export const ERASE_STEPS = ['erase-keys-gone', 'erase-account-gone', 'erase-files-gone', 'erase-ended'] as const

/** Steps of the re-encryption of one copy (KY-17), likewise. */
export const REENCRYPT_STEPS = [
  'reencrypt-begun',
  'reencrypt-written',
  'reencrypt-switched',
  'reencrypt-removed',
] as const

export type ServerStep =
  | (typeof SERVER_STEPS)[number]
  | (typeof KEY_STEPS)[number]
  | (typeof ERASE_STEPS)[number]
  | (typeof REENCRYPT_STEPS)[number]

let observer: ((name: ServerStep) => void) | undefined

/** Says that the work stands here. Does nothing unless somebody observes. */
export function step(name: ServerStep): void {
  observer?.(name)
}

/** Calls `next` at each step of this process from now on. */
export function observeSteps(next: (name: ServerStep) => void): void {
  observer = next
}
