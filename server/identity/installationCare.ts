/** Keeps to the rules on installations (ID-6 to ID-9): what is kept, who is refused, and who is told. */

import { CodedError } from '../../schemas/errors.ts'
import { parseInstallation } from '../../schemas/http/installationHeader.ts'
import type { InstallationKey, Installations } from '../catalogue/installations.ts'
import { judgeInstallation } from './judgeInstallation.ts'

/** A clone that tries again is noted again after this, milliseconds. */
const NOTE_MS = 60_000

/** The installation that goes on is told of the other one for so long, milliseconds. */
const TELL_MS = 30 * 24 * 3_600_000

export interface InstallationParts {
  readonly installations: Installations
  readonly clock: () => number
  /** Another installation of the device was refused; with the database it would have written. */
  readonly onClone: (device: InstallationKey, database: string | undefined) => void
}

export interface InstallationCare {
  /** Judges a session that logged in. */
  check(
    device: InstallationKey,
    presented: string | undefined,
    database: string | undefined,
  ): Promise<
    { readonly kind: 'refused'; readonly why: string } | { readonly kind: 'accepted'; confirm(): Promise<void> }
  >
  /** When another installation was refused last, if that is to be told. */
  clonedAt(device: InstallationKey): Promise<number | undefined>
  /** The installation with `value` goes on, whatever was kept (ID-9). */
  claim(device: InstallationKey, value: string): Promise<void>
}

export function createInstallationCare({ installations, clock, onClone }: InstallationParts): InstallationCare {
  return {
    async check({ accountId, deviceId }, presented, database) {
      const device = { accountId, deviceId }
      const kept = await installations.get(device)
      const values = presented === undefined ? undefined : parseInstallation(presented)
      const verdict = judgeInstallation(kept?.value, values, database !== undefined)
      if (verdict === 'cloned') {
        const now = clock()
        if (now - (kept?.clonedAt ?? 0) >= NOTE_MS) {
          await installations.noteClone(device, now)
          onClone(device, database)
        }
        const { code, message } = clonedError()
        return { kind: 'refused', why: `${code}: ${message}` }
      }
      const [value] = values ?? []
      const confirm = async (): Promise<void> => {
        // What is kept already costs no write.
        if (verdict === 'accepted' && value !== undefined && value !== kept?.value)
          await installations.accept(device, value, clock())
      }
      return { kind: 'accepted', confirm }
    },
    async clonedAt({ accountId, deviceId }) {
      const clonedAt = (await installations.get({ accountId, deviceId }))?.clonedAt
      return clonedAt !== undefined && clock() - clonedAt < TELL_MS ? clonedAt : undefined
    },
    claim: ({ accountId, deviceId }, value) => installations.accept({ accountId, deviceId }, value, clock(), true),
  }
}

function clonedError(): CodedError {
  return new CodedError('device.cloned', 'another installation presents the identity of this device, and goes on')
}
