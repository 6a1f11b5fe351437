/** `nightferry datastore …`: passwords that single datastores ask for beside the login (AC-14). */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatTable } from '../../../schemas/cli/formatTable.ts'
import { readSecret } from '../readSecret.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

const accountArgument = { name: 'ACCOUNT', summary: 'name of the account' }

export const datastorePassword: ServerCommand = {
  spec: {
    name: 'datastore password',
    summary: 'set the password that a datastore asks for beside the login',
    args: [accountArgument, { name: 'DATASTORE', summary: 'e.g. contacts' }],
    options: [
      { name: 'password-file', value: 'FILE', summary: 'read the password from a file', path: true },
      { name: 'remove', summary: 'let it ask for none any more' },
      ...WHERE_OPTIONS,
    ],
  },
  run: async (context, input) => {
    const account = textOf(input, 'ACCOUNT') ?? ''
    const datastore = textOf(input, 'DATASTORE') ?? ''
    const isProtected = input.remove !== true
    const question = `Password for ${datastore} of ${account}`
    const password = isProtected
      ? await readSecret(question, textOf(input, 'password-file'), context.environment)
      : null
    await withOperatorApi(context, input, (api) => api.setDatastorePassword(account, datastore, password))
    const asks = isProtected ? 'asks for its own password' : 'asks for no password of its own'
    return { json: { account, datastore, protected: isProtected }, text: `${datastore} of ${account} ${asks}\n` }
  },
}

export const datastoreList: ServerCommand = {
  spec: {
    name: 'datastore list',
    summary: 'list the datastores of an account that ask for a password of their own',
    args: [accountArgument],
    options: WHERE_OPTIONS,
  },
  run: async (context, input) => {
    const account = textOf(input, 'ACCOUNT') ?? ''
    const datastores = await withOperatorApi(context, input, (api) => api.listDatastorePasswords(account))
    const rows = datastores.map((uri) => [uri])
    return {
      json: { account, datastores },
      text: formatTable(['DATASTORE'], rows, 'none asks for a password of its own'),
    }
  },
}
