/**
 * How the user of a device wants a database to be backed up. It travels with the backup itself, in `EMI` of its Alert,
 * and costs no exchange; a client that says nothing means the default. Rule WF-39.
 */

/**
 * `delta`: only what changed. `full`: the whole file each time. `differential`: everything since the last whole file.
 * `copy`: files that are no databases, in blocks.
 */
export const BACKUP_METHODS = ['delta', 'full', 'differential', 'copy'] as const
export type BackupMethod = (typeof BACKUP_METHODS)[number]

/** `off`: the server keeps only the newest state. */
export const TIME_MACHINE_CHOICES = ['on', 'off'] as const
export type TimeMachineChoice = (typeof TIME_MACHINE_CHOICES)[number]

export interface BackupChoice {
  readonly method: BackupMethod
  readonly timeMachine: TimeMachineChoice
}

/** What a client means that says nothing. */
export const DEFAULT_CHOICE: BackupChoice = { method: 'delta', timeMachine: 'on' }

const EMI_PREFIX = 'nightferry-backup='

/** The `EMI` text of a choice: `nightferry-backup=<method>;<on or off>`. Undefined for the default. */
export function formatChoiceEmi({ method, timeMachine }: BackupChoice): string | undefined {
  const isDefault = method === DEFAULT_CHOICE.method && timeMachine === DEFAULT_CHOICE.timeMachine
  return isDefault ? undefined : `${EMI_PREFIX}${method};${timeMachine}`
}

/** The choice in an `EMI` text, or undefined if this EMI is not ours or says what we do not know. */
export function parseChoiceEmi(emi: string): BackupChoice | undefined {
  if (!emi.startsWith(EMI_PREFIX)) return undefined
  const [first, second, ...rest] = emi.slice(EMI_PREFIX.length).split(';')
  const method = BACKUP_METHODS.find((known) => known === first)
  const timeMachine = TIME_MACHINE_CHOICES.find((known) => known === second)
  if (method === undefined || timeMachine === undefined || rest.length > 0) return undefined
  return { method, timeMachine }
}
