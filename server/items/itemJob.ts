/**
 * The item store's job in the child process: opens the account's copy, carries out one call of the port, and says where
 * the copy stands afterwards (IT-16).
 */

import { statSync } from 'node:fs'
import { translateApplyError } from '../backup/sqliteCause.ts'
import { acknowledgeJob, mapJob } from './answerJobs.ts'
import { applyJob } from './applyJob.ts'
import { closeJob } from './closeJob.ts'
import type { ContentRules } from './content.ts'
import { createJob } from './createJob.ts'
import { decideJob } from './decideJob.ts'
import { allowEmptyJob, finishJob } from './finishJob.ts'
import type { ItemFile } from './itemFile.ts'
import type { ItemCalls, ItemJobInput, ItemJobOutput } from './jobInput.ts'
import type { OpenFiles } from './openFiles.ts'
import { pageJob } from './pageJob.ts'

/**
 * Carries out one call. @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.full`, `storage.unavailable`;
 * `session.busy` if the device began another session, or another device holds the copy for longer than a message takes.
 */
export async function runItemJob(input: ItemJobInput, rules: ContentRules, files: OpenFiles): Promise<ItemJobOutput> {
  if (input.call === 'create') return { output: await createJob(input, input) }
  const file = files.borrow(input.copyPath, Buffer.from(input.copyKey, 'hex'))
  file.keepPastSince(input.keepsPast ? input.now : undefined)
  let failed = true
  try {
    const output = await carryOut(file, rules, input)
    const position = file.takePosition()
    failed = false
    return position === undefined ? { output } : { output, position, sizeBytes: statSync(input.copyPath).size }
  } catch (cause) {
    throw translateApplyError(cause)
  } finally {
    files.giveBack(input.copyPath, file, failed)
  }
}

type OtherInput = Exclude<ItemJobInput, { readonly call: 'create' }>

async function carryOut(
  file: ItemFile,
  rules: ContentRules,
  input: OtherInput,
): Promise<ItemCalls[OtherInput['call']]['output']> {
  switch (input.call) {
    case 'decide':
      return decideJob(file, input, input)
    case 'apply':
      return applyJob(file, rules, input, input)
    case 'close':
      return closeJob(file, rules, input, input)
    case 'page':
      return pageJob(file, rules, input, input)
    case 'acknowledge':
      return acknowledgeJob(file, input, input)
    case 'map':
      return mapJob(file, input, input)
    case 'finish':
      return finishJob(file, input, input)
    case 'allowEmpty':
      return allowEmptyJob(file, input, input)
  }
}
