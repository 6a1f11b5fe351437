/** Where a password comes from: `NIGHTFERRY_PASSWORD`, a file, or a hidden prompt; never an option's value. */

import { readFile } from 'node:fs/promises'
import { isCancel, password } from '@clack/prompts'
import { CodedError } from '../../schemas/errors.ts'

/** @throws {CodedError} `config.invalid` if there is neither a file nor the variable nor a terminal to ask. */
export async function readSecret(
  question: string,
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (file !== undefined) return await readSecretFile(file)
  const given = environment.NIGHTFERRY_PASSWORD
  if (given !== undefined && given !== '') return given
  if (!process.stdin.isTTY) {
    throw new CodedError('config.invalid', 'no password is given and there is no terminal to ask', {
      next: 'Set NIGHTFERRY_PASSWORD or give --password-file FILE.',
    })
  }
  const answer = await password({ message: question, output: process.stderr })
  if (isCancel(answer)) throw new CodedError('config.invalid', 'no password was given')
  return answer
}

/** The first line end at the end of the file is no part of the secret. @throws {CodedError} `config.invalid`. */
export async function readSecretFile(file: string): Promise<string> {
  try {
    // A file written with an editor ends in a line end that is no part of the password.
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new CodedError('config.invalid', `the password file ${file} cannot be read`, { cause })
  }
}
