/** `nightferry backup-server` and `nightferry restore-server`: the whole server into a folder, and back. */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatBytes, formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { KeyRing } from '../../keys/keyRing.ts'
import { openKeyRing } from '../../keys/openKeyRing.ts'
import { configOf, type ServerCommand, type ServerContext, settingOptions } from '../serverContext.ts'

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2000

export const backupServerCommand: ServerCommand = {
  spec: {
    name: 'backup-server',
    summary: 'copy everything the server keeps to a folder, while it runs; without the master key',
    args: [],
    options: [
      { name: 'to', value: 'DIR', summary: 'the folder to make', path: true },
      ...settingOptions('data', 'masterKeyFile'),
    ],
  },
  run: async (context, input) => {
    const config = configOf(context, input)
    const target = folderOf(input, 'to')
    const keyRing = openExisting(config.data, config.masterKeyFile)
    const { backupServer } = await import('../../serverBackup/backupServer.ts')
    const { files, sizeBytes, databases, damaged } = await backupServer({
      ...{ dataFolder: config.data, keyRing, target, now: Date.now },
      onProgress: progressOf(context),
    })
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
      ...settingOptions('data', 'masterKeyFile'),
    ],
  },
  run: async (context, input) => {
    const config = configOf(context, input)
    const source = folderOf(input, 'from')
    const { masterKeyFile } = config
    if (masterKeyFile === undefined) {
      throw new CodedError('config.invalid', 'a backup of the server does not hold the master key', {
        next: 'Give the copy of it that you kept: --master-key-file PATH.',
      })
    }
    const keyRing = openExisting(source, masterKeyFile)
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

/** The key ring of a folder that has one: none is made here. */
function openExisting(folder: string, masterKeyFile: string | undefined): KeyRing {
  if (existsSync(join(folder, 'keyring.json')))
    return openKeyRing({ dataDir: folder, ...(masterKeyFile !== undefined && { masterKeyFile }) }).keyRing
  throw new CodedError('config.invalid', `${folder} holds no server`, { next: 'Name the right folder.' })
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
