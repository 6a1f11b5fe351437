/** The values of an installation (WF-86) as a header of what opens a session. */

/** Sent by the agent with each message of a backup. */
export const INSTALLATION_HEADER = 'nightferry-installation'

/** Values that an agent keeps: as many of its runs the server may have been set back by. */
export const MAX_INSTALLATION_VALUES = 12

/** Random octets of one value; 12 characters. */
export const INSTALLATION_VALUE_BYTES = 9

const VALUES = /^[A-Za-z0-9_-]{12}(,[A-Za-z0-9_-]{12}){0,11}$/

/** Newest first. */
export function formatInstallation(values: readonly string[]): string {
  return values.join(',')
}

/** Empty for anything that is none: it matches nothing that was kept. */
export function parseInstallation(text: string): readonly string[] {
  return VALUES.test(text) ? text.split(',') : []
}
