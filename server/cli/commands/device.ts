/** `nightferry device …`: devices, and what the server has of them. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatAge, formatBytes, formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import { typedPassword } from '../../account/typedPassword.ts'
import { findDevice } from '../findDevice.ts'
import type { AccountDevice, DeviceDatabase } from '../operatorApi.ts'
import { readSecretFile } from '../readSecret.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

export const deviceArgument = { name: 'DEVICE', summary: 'id or name of the device' }

export const deviceList: ServerCommand = {
  spec: { name: 'device list', summary: 'list the devices of all accounts', args: [], options: WHERE_OPTIONS },
  run: async (context, input) => {
    const devices = await withOperatorApi(context, input, (api) => api.listDevices())
    const rows = devices.map((device) => [
      device.accountName,
      device.name,
      stateOf(device),
      formatTime(device.createdAt),
      device.deviceId,
    ])
    const headings = ['ACCOUNT', 'NAME', 'STATE', 'CREATED', 'ID']
    return { json: { devices }, text: formatTable(headings, rows, 'no device yet') }
  },
}

export const deviceShow: ServerCommand = {
  spec: {
    name: 'device show',
    summary: 'show a device and its databases',
    args: [deviceArgument],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const databases = await api.listDatabases(device)
      const rows = databases.map(
        ({ name, kind, number, sizeBytes, lastBackupAt, lastMode, reason, guardedAt, health, ...proof }) => [
          name,
          kind,
          String(number),
          formatBytes(sizeBytes),
          `${formatAge(Date.now() - lastBackupAt)} ago (${lastMode})`,
          provenOf(proof),
          comparedOf(proof.verification),
          [
            health.state === 'ok' || health.state === 'unproven' ? undefined : `${health.state}: ${health.reason}`,
            reason,
            guardedAt === undefined
              ? undefined
              : `a table lost most of its rows ${formatAge(Date.now() - guardedAt)} ago, see points`,
          ]
            .filter((note) => note !== undefined)
            .join('; '),
        ],
      )
      const why = device.fence === undefined ? '' : ` (${device.fence.reason})`
      const heading = `${device.name} of ${device.accountName}, ${stateOf(device)}${why}, ${device.deviceId}\n`
      const headings = ['DATABASE', 'KIND', 'NUMBER', 'SIZE', 'LAST BACKUP', 'PROVEN', 'COMPARED', '']
      return { json: { device, databases }, text: heading + formatTable(headings, rows, 'no backup yet') }
    }),
}

function stateOf({ disabled, fence }: Pick<AccountDevice, 'disabled' | 'fence'>): string {
  if (fence !== undefined) return 'fenced'
  return disabled ? 'disabled' : 'enabled'
}

/** Whether it is known that the copy can be restored. */
function provenOf({ provenAt, proofFailure }: Pick<DeviceDatabase, 'provenAt' | 'proofFailure'>): string {
  if (proofFailure !== undefined) return `NOT RESTORABLE: ${proofFailure}`
  return provenAt === undefined ? 'not yet' : `${formatAge(Date.now() - provenAt)} ago`
}

/** When its device last compared it, and what came of that. */
function comparedOf(found: DeviceDatabase['verification']): string {
  if (found === undefined) return 'never'
  const when = `${formatAge(Date.now() - found.verifiedAt)} ago${found.form === 'part' ? ' (a part)' : ''}`
  return found.differences === 0 ? when : `${found.differences} DIFFERENCES ${when}`
}

export const deviceAllowEmpty: ServerCommand = {
  spec: {
    name: 'device allow-empty',
    summary: 'let a device empty a datastore, or be emptied by it, once',
    args: [deviceArgument, { name: 'DATASTORE', summary: 'e.g. contacts' }],
    options: [...WHERE_OPTIONS, { name: 'revoke', summary: 'take it back' }],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const datastore = textOf(input, 'DATASTORE') ?? ''
      const allowed = input.revoke !== true
      await api.allowEmpty(device, datastore, allowed)
      const text = allowed
        ? `${device.name} may empty ${datastore} once, or be emptied by it\n`
        : `${device.name} may not empty ${datastore}\n`
      return { json: { device: device.deviceId, datastore, allowed }, text }
    }),
}

export const deviceServerPassword: ServerCommand = {
  spec: {
    name: 'device server-password',
    summary: 'make the password that the server proves itself with to a device; it is shown once',
    args: [deviceArgument],
    options: [
      { name: 'password-file', value: 'FILE', summary: 'read it from a file instead', path: true },
      { name: 'remove', summary: 'prove nothing to this device any more' },
      ...WHERE_OPTIONS,
    ],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      if (input.remove === true) {
        await api.setServerPassword(device, null)
        return { json: { device: device.deviceId, password: null }, text: `${device.name} has no server password\n` }
      }
      const file = textOf(input, 'password-file')
      const password = file === undefined ? typedPassword() : await readSecretFile(file)
      const serverId = await api.setServerPassword(device, password)
      const shown = file === undefined ? password : null
      const line = shown === null ? '' : `password   ${shown}\n`
      return {
        json: { device: device.deviceId, serverId, password: shown },
        text: `server id  ${serverId}\n${line}`,
      }
    }),
}
