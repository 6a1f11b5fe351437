/** `nightferry account delete` and `account receipts`: an account that nobody can open any more, and what shows it. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatBytes, formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

export const accountDelete: ServerCommand = {
  spec: {
    name: 'account delete',
    summary: 'delete an account with all its devices, copies and keys, for good',
    args: [{ name: 'NAME', summary: 'name of the account' }],
    options: [
      { name: 'confirm', value: 'NAME', summary: 'the name once more: nothing brings it back' },
      ...WHERE_OPTIONS,
    ],
  },
  run: async (context, input) => {
    const name = textOf(input, 'NAME') ?? ''
    if (textOf(input, 'confirm') !== name) {
      throw new CodedError('config.invalid', `deleting ${name} cannot be undone`, {
        next: `Say it twice: --confirm ${name}`,
      })
    }
    const { receipt, signed, signingKey } = await withOperatorApi(context, input, (api) => api.eraseAccount(name))
    const { copies, pastCopies, sizeBytes, keys, devices, erasedAt } = receipt
    const lines = [
      `account ${receipt.accountName} is deleted`,
      `devices  ${devices}`,
      `copies   ${copies} and ${pastCopies} put aside, ${formatBytes(sizeBytes)}`,
      `keys     ${keys.length} destroyed`,
      `when     ${formatTime(erasedAt)}`,
      'The receipt: nightferry account receipts --json',
    ]
    return { json: { receipt, signed, signingKey }, text: `${lines.join('\n')}\n` }
  },
}

export const accountReceipts: ServerCommand = {
  spec: {
    name: 'account receipts',
    summary: 'list the receipts of deleted accounts; signed with --json',
    args: [],
    options: WHERE_OPTIONS,
  },
  run: async (context, input) => {
    const erasures = await withOperatorApi(context, input, (api) => api.listErasures())
    const rows = erasures.map(({ receipt }) => [
      receipt.accountName,
      formatTime(receipt.erasedAt),
      String(receipt.copies + receipt.pastCopies),
      formatBytes(receipt.sizeBytes),
      receipt.accountId,
    ])
    return {
      json: { erasures },
      text: formatTable(['ACCOUNT', 'DELETED', 'COPIES', 'SIZE', 'ID'], rows, 'no account was deleted yet'),
    }
  },
}
