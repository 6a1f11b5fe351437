/**
 * Secrets of the configuration, apart from the settings: they are read from files or the environment, never from the
 * command line, where every user of the machine can see them, and never logged.
 */

import { readFileSync } from 'node:fs'
import { CodedError } from '../../schemas/errors.ts'

export interface Secrets {
  /** Shared by backup server and account service when they are two processes (AC-7). */
  readonly serviceSecret?: string
}

/** A shorter secret could be guessed. */
const MIN_SECRET_CHARS = 32

/**
 * Reads `NIGHTFERRY_SERVICE_SECRET`, or the file that `NIGHTFERRY_SERVICE_SECRET_FILE` names.
 *
 * @throws {CodedError} `config.invalid` if the file cannot be read or the secret is too short or no word of ASCII.
 */
export function readSecrets(environment: Readonly<Record<string, string | undefined>>): Secrets {
  const file = environment.NIGHTFERRY_SERVICE_SECRET_FILE
  const serviceSecret = file === undefined ? environment.NIGHTFERRY_SERVICE_SECRET : readSecretFile(file)
  if (serviceSecret === undefined) return {}
  if (serviceSecret.length < MIN_SECRET_CHARS)
    throw new CodedError('config.invalid', `the service secret is shorter than ${MIN_SECRET_CHARS} characters`)
  // It travels in an HTTP header, as one word.
  if (!/^[\x21-\x7e]+$/.test(serviceSecret))
    throw new CodedError('config.invalid', 'the service secret has blanks or characters beyond ASCII', {
      next: 'Take letters, digits and signs, e.g. the output of: openssl rand -base64 48 | tr -d "\\n"',
    })
  return { serviceSecret }
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new CodedError('config.invalid', `the file of the service secret ${path} cannot be read`, { cause })
  }
}
