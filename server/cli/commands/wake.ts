/** `nightferry device wake`: asks a device to synchronize now. */

import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { WakeRequest } from '../../../schemas/http/operator.ts'
import { databaseUri } from '../../../schemas/syncml/databaseUri.ts'
import { ALERTED_SYNC_NAMES, type AlertedSyncName } from '../../../schemas/syncml/notification.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const deviceWake: ServerCommand = {
  spec: {
    name: 'device wake',
    summary: 'ask a device to back up or synchronize now',
    args: [deviceArgument],
    options: [
      { name: 'database', value: 'NAME', summary: 'only this database' },
      { name: 'datastore', value: 'URI', summary: 'only this datastore of a classic client, as its profile has it' },
      {
        ...{ name: 'type', value: 'TYPE', choices: ALERTED_SYNC_NAMES },
        summary: 'how (default: from-device for a database, two-way for a datastore)',
      },
      ...WHERE_OPTIONS,
    ],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const request = readRequest(input)
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const issued = await api.wake(device, request)
      return {
        json: { device: device.deviceId, ...issued, ...request },
        text: `${device.name} is asked to ${wish(request)}\n`,
      }
    }),
}

/** @throws {CodedError} `config.invalid` for options that do not go together. */
function readRequest(input: CommandInput): WakeRequest {
  const [database, datastore] = [textOf(input, 'database'), textOf(input, 'datastore')]
  const type = textOf(input, 'type') as AlertedSyncName | undefined
  if (database !== undefined && datastore !== undefined) throw refuse('--database and --datastore exclude each other')
  if (database !== undefined) {
    // The device is the master of its databases: nothing goes to it but by a restore.
    if (type !== undefined && type !== 'from-device' && type !== 'refresh-from-device')
      throw refuse(`a database is never synchronized ${type}`)
    return { syncs: [{ serverUri: databaseUri(database), type: type ?? 'from-device' }] }
  }
  if (datastore !== undefined) return { syncs: [{ serverUri: datastore, type: type ?? 'two-way' }] }
  if (type !== undefined) throw refuse('--type needs --database or --datastore')
  return { syncs: [] }
}

function refuse(message: string): CodedError {
  return new CodedError('config.invalid', message, { next: 'See nightferry device wake --help.' })
}

function wish({ syncs: [sync] }: WakeRequest): string {
  return sync === undefined ? 'synchronize everything' : `synchronize ${sync.serverUri} (${sync.type})`
}
