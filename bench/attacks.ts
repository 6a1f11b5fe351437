/** The attacks by name; `attackBlows.ts` says what each of them does. */

export const ATTACKS = [
  'gzip-bombs',
  'xml-elements',
  'wbxml-commands',
  'unauthenticated',
  'eating-schemas',
  'endless-schemas',
  'hostile-files',
  'password-guessing',
  'account-guessing',
  'forged-tokens',
  'guessed-sessions',
  'replayed-messages',
  'endless-objects',
  'slow-bodies',
] as const

export type AttackName = (typeof ATTACKS)[number]

/** True if there is an attack of this name. */
export function isAttack(name: string): name is AttackName {
  return (ATTACKS as readonly string[]).includes(name)
}
