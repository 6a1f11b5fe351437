/** `nightferry backup-server` and `nightferry restore-server`: the whole server into a folder, and back. */

import { join, resolve } from 'node:path'
import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatBytes, formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { openKeys } from '../../keys/openKeyRing.ts'
import { requireServer } from '../../keys/recoveryKit.ts'
import { joinFolder } from '../../sql/folderLock.ts'
import { configOf, givenMasterKey, type ServerCommand, type ServerContext, settingOptions } from '../serverContext.ts'

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2000

export const backupServerCommand: ServerCommand = {
  spec: {
    name: 'backup-server',
    summary: 'copy everything the server keeps to a folder, while it runs; without the master key',
    args: [],
    options: [
      { name: 'to', value: 'DIR', summary: 'the folder to make', path: true },
      ...settingOptions('data', 'masterKeyFile', 'masterKeyCommand'),
    ],
  },
  run: async (context, input) => {
    const config = configOf(context, input)
    const target = folderOf(input, 'to')
    requireServer(config.data)
    const { backupServer } = await import('../../serverBackup/backupServer.ts')
    // The master key must not change between the key ring and the last file.
    const lock = joinFolder(join(config.data, 'keyring.lock'))
    const { files, sizeBytes, databases, damaged } = await openKeys(config.data, givenMasterKey(context, config))
      .then(({ keyRing }) =>
        backupServer({
          ...{ dataFolder: config.data, keyRing, target, now: Date.now },
          onProgress: progressOf(context),
        }),
      )
      .finally(() => lock.close())
    for (const copyId of damaged) context.notice(`copy ${copyId} is damaged: its device must send it again\n`)
    return {
      json: { folder: target, files, sizeBytes, databases, damaged },
      text: `${target}: ${countOf(databases, 'database')}, ${countOf(files, 'file')}, ${formatBytes(sizeBytes)}\n`,
    }
  },
}

export const restoreServerCommand: ServerCommand = {
  spec: {
    name: 'restore-server',
    summary: 'make a data folder of a folder that backup-server made',
    args: [],
    options: [
      { name: 'from', value: 'DIR', summary: 'the folder that backup-server made', path: true },
      ...settingOptions('data', 'masterKeyFile', 'masterKeyCommand'),
    ],
  },
  run: async (context, input) => {
    const config = configOf(context, input)
    const source = folderOf(input, 'from')
    const given = givenMasterKey(context, config)
    if (Object.keys(given).length === 0) {
      throw new CodedError('config.invalid', 'a backup of the server does not hold the master key', {
        next: 'Give the copy of it that you kept: --master-key-file PATH.',
      })
    }
    requireServer(source)
    const { keyRing } = await openKeys(source, given)
    const { restoreServer } = await import('../../serverBackup/restoreServer.ts')
    const { files, sizeBytes, databases, createdAt } = await restoreServer({
      ...{ source, dataFolder: config.data, keyRing },
      onProgress: progressOf(context),
    })
    return {
      json: { data: config.data, files, sizeBytes, databases, createdAt },
      text: `${config.data}: ${countOf(databases, 'database')} as of ${formatTime(Date.parse(createdAt))}, ${countOf(files, 'file')}, ${formatBytes(sizeBytes)}\n`,
    }
  },
}

function folderOf(input: CommandInput, option: string): string {
  const given = textOf(input, option)
  if (given !== undefined) return resolve(given)
  throw new CodedError('config.invalid', `--${option} is missing`, { next: `Name the folder: --${option} DIR.` })
}

function progressOf(context: ServerContext): (files: number, sizeBytes: number) => void {
  let toldAt = Date.now()
  return (files, sizeBytes) => {
    if (Date.now() - toldAt < PROGRESS_MS) return
    toldAt = Date.now()
    context.notice(`${countOf(files, 'file')}, ${formatBytes(sizeBytes)}\n`)
  }
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
