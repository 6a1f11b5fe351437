/** `nightferry account …`: accounts of the server, here or elsewhere. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import { readSecret } from '../readSecret.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

const nameArgument = { name: 'NAME', summary: 'name of the account' }

export const accountAdd: ServerCommand = {
  spec: {
    name: 'account add',
    summary: 'register an account',
    args: [nameArgument],
    options: [
      { name: 'password-file', value: 'FILE', summary: 'read the password from a file', path: true },
      ...WHERE_OPTIONS,
    ],
  },
  run: async (context, input) => {
    const name = textOf(input, 'NAME') ?? ''
    const question = `Password for ${name}`
    const password = await readSecret(question, textOf(input, 'password-file'), context.environment)
    const account = await withOperatorApi(context, input, (api) => api.addAccount(name, password))
    return { json: { ...account }, text: `account ${account.name} is registered\n` }
  },
}

export const accountList: ServerCommand = {
  spec: { name: 'account list', summary: 'list the accounts', args: [], options: WHERE_OPTIONS },
  run: async (context, input) => {
    const accounts = await withOperatorApi(context, input, (api) => api.listAccounts())
    const rows = accounts.map(({ name, accountId, createdAt, disabled }) => [
      name,
      disabled ? 'disabled' : 'enabled',
      formatTime(createdAt),
      accountId,
    ])
    return { json: { accounts }, text: formatTable(['NAME', 'STATE', 'CREATED', 'ID'], rows, 'no account yet') }
  },
}

export const accountDisable: ServerCommand = {
  spec: {
    name: 'account disable',
    summary: 'refuse an account and all its devices from now on',
    args: [nameArgument],
    options: [{ name: 'undo', summary: 'enable it again' }, ...WHERE_OPTIONS],
  },
  run: async (context, input) => {
    const name = textOf(input, 'NAME') ?? ''
    const disabled = input.undo !== true
    await withOperatorApi(context, input, (api) => api.setAccountDisabled(name, disabled))
    return { json: { name, disabled }, text: `account ${name} is ${disabled ? 'disabled' : 'enabled'}\n` }
  },
}

export const accountAppPassword: ServerCommand = {
  spec: {
    name: 'account app-password',
    summary: 'make a password for classic SyncML clients; it is shown once',
    args: [nameArgument],
    options: WHERE_OPTIONS,
  },
  run: async (context, input) => {
    const name = textOf(input, 'NAME') ?? ''
    const made = await withOperatorApi(context, input, (api) => api.createAppPassword(name))
    return { json: { ...made }, text: `user      ${made.user}\npassword  ${made.password}\n` }
  },
}
