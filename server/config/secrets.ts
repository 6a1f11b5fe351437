/**
 * Secrets of the configuration, apart from the settings: they are read from files or the environment, never from the
 * command line, where every user of the machine can see them, and never logged.
 */

import { readFileSync } from 'node:fs'
import { CodedError } from '../../schemas/errors.ts'

export interface Secrets {
  /** Shared by backup server and account service when they are two processes (AC-7). */
  readonly serviceSecret?: string
  /** Signs what is posted to the operator's gateway (PU-6). */
  readonly pushSecret?: string
  /** The master key as hex, and the one that the next rotation changes to (KY-1). */
  readonly masterKey?: string
  readonly newMasterKey?: string
  /** Signs what is posted as alerts (AL-5). */
  readonly alertSecret?: string
  /** Of the mail server. */
  readonly smtpPassword?: string
}

/** A shorter secret could be guessed. */
const MIN_SECRET_CHARS = 32

/**
 * Reads `NIGHTFERRY_SERVICE_SECRET`, `NIGHTFERRY_PUSH_SECRET`, `NIGHTFERRY_ALERT_SECRET` and `NIGHTFERRY_SMTP_PASSWORD`, or
 * the files that the same names with `_FILE` name. The master keys are checked where they are used.
 *
 * @throws {CodedError} `config.invalid` if a file cannot be read or a secret is too short or no word of ASCII.
 */
export function readSecrets(environment: Readonly<Record<string, string | undefined>>): Secrets {
  const serviceSecret = readOne(environment, 'NIGHTFERRY_SERVICE_SECRET', 'service secret')
  const pushSecret = readOne(environment, 'NIGHTFERRY_PUSH_SECRET', 'push secret')
  const { NIGHTFERRY_MASTER_KEY: masterKey, NIGHTFERRY_NEW_MASTER_KEY: newMasterKey } = environment
  const alertSecret = readOne(environment, 'NIGHTFERRY_ALERT_SECRET', 'alert secret')
  const smtpFile = environment.NIGHTFERRY_SMTP_PASSWORD_FILE
  // Somebody else chose it: it is as long as it is.
  const smtpPassword =
    smtpFile === undefined ? environment.NIGHTFERRY_SMTP_PASSWORD : readSecretFile(smtpFile, 'SMTP password')
  return {
    ...(serviceSecret !== undefined && { serviceSecret }),
    ...(pushSecret !== undefined && { pushSecret }),
    ...(alertSecret !== undefined && { alertSecret }),
    ...(smtpPassword !== undefined && { smtpPassword }),
    ...(masterKey !== undefined && { masterKey }),
    ...(newMasterKey !== undefined && { newMasterKey }),
  }
}

function readOne(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  what: string,
): string | undefined {
  const file = environment[`${name}_FILE`]
  const secret = file === undefined ? environment[name] : readSecretFile(file, what)
  if (secret === undefined) return undefined
  if (secret.length < MIN_SECRET_CHARS)
    throw new CodedError('config.invalid', `the ${what} is shorter than ${MIN_SECRET_CHARS} characters`)
  // It travels in an HTTP header, as one word.
  if (!/^[\x21-\x7e]+$/.test(secret))
    throw new CodedError('config.invalid', `the ${what} has blanks or characters beyond ASCII`, {
      next: 'Take letters, digits and signs, e.g. the output of: openssl rand -base64 48 | tr -d "\\n"',
    })
  return secret
}

function readSecretFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new CodedError('config.invalid', `the file of the ${what} ${path} cannot be read`, { cause })
  }
}
