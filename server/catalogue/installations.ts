/** The port of what is known of each device's installation (ID-6). */

export interface InstallationKey {
  readonly accountId: string
  readonly deviceId: string
}

export interface InstallationRow extends InstallationKey {
  /** The newest value of the installation that was accepted last. */
  readonly value: string
  readonly acceptedAt: number
  /** When another installation was refused last. */
  readonly clonedAt?: number
}

export interface Installations {
  get(key: InstallationKey): Promise<InstallationRow | undefined>
  /** Keeps `value`; what is known of others stays, unless `claimed`. Durable when it resolves. */
  accept(key: InstallationKey, value: string, at: number, claimed?: boolean): Promise<void>
  noteClone(key: InstallationKey, at: number): Promise<void>
}
