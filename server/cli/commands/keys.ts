/** `nightferry keys status` and `keys rotate`: which master keys protect the data, and a new one in their place. */

import { formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import type { KeyStatus } from '../../../schemas/http/keys.ts'

import { type ServerCommand, settingOptions, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { formatLeft } from './keysReencrypt.ts'

export const keysStatus: ServerCommand = {
  spec: { name: 'keys status', summary: 'show which master keys protect what', args: [], options: WHERE_OPTIONS },
  run: async (context, input) => {
    const status = await withOperatorApi(context, input, (api) => api.readKeys())
    return { json: { ...status }, text: formatStatus(status) }
  },
}

export const keysRotate: ServerCommand = {
  spec: {
    name: 'keys rotate',
    summary: 'change the master key and wrap everything anew',
    args: [],
    options: [...WHERE_OPTIONS, ...settingOptions('newMasterKeyFile', 'newMasterKeyCommand')],
  },
  run: async (context, input) => {
    const status = await withOperatorApi(context, input, (api) => api.rotateKeys())
    return { json: { ...status }, text: formatStatus(status) }
  },
}

function formatStatus(status: KeyStatus): string {
  const { currentKeyId, source, masterKeyFile, olderKeyIds, rotatedAt, reencryption, kit, uses } = status
  const places = { file: 'file', environment: 'NIGHTFERRY_MASTER_KEY', command: '--master-key-command' }
  const lines = [
    `key    ${currentKeyId}`,
    `from   ${masterKeyFile ?? places[source]}`,
    `since  ${rotatedAt === undefined ? 'the first start' : formatTime(rotatedAt)}`,
    `older  ${olderKeyIds.length === 0 ? 'none: what is left of them can be thrown away' : `${olderKeyIds.join(', ')}, still read with`}`,
    ...(reencryption.leftCopies > 0 ? [`left   ${formatLeft(reencryption)}`] : []),
    `kit    ${formatKit(kit)}`,
  ]
  const rows = uses.map(({ what, keyId, objects }) => [what, keyId, String(objects)])
  return `${lines.join('\n')}\n${formatTable(['WHAT', 'KEY', 'OBJECTS'], rows, 'nothing needs a key yet')}`
}

function formatKit({ state, provenAt }: KeyStatus['kit']): string {
  if (provenAt === undefined) return 'never proven: nightferry keys kit'
  if (state === 'proven') return `recovery kit proven on ${formatTime(provenAt)}`
  return `stale: the kit proven on ${formatTime(provenAt)} is of an older key; print a new one`
}
