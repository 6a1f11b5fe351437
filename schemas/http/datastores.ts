/**
 * Calls about the passwords of single datastores (AC-14): the owner's for the own account, the operator's for any. A
 * password is never given back.
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, databaseName } from './fields.ts'

const datastore = databaseName.meta({ description: 'A name clients use, e.g. contacts.' })

const change = z
  .strictObject({ password: z.string().max(1024).nullable().meta({ description: 'null removes it.' }) })
  .meta({ id: 'DatastorePassword' })

const list = z
  .strictObject({
    datastores: z.array(z.string()).readonly().meta({ description: 'Those that ask for a password of their own.' }),
  })
  .meta({ id: 'ProtectedDatastores' })

export const datastoreCalls = {
  listOwnDatastorePasswords: {
    method: 'get',
    path: '/api/v1/datastores',
    summary: 'Lists the datastores of the account that ask for a password of their own',
    access: ['account'],
    status: 200,
    reply: list,
  },
  setOwnDatastorePassword: {
    method: 'put',
    path: '/api/v1/datastores/{datastore}/password',
    summary: 'Sets the password that a datastore of the account asks for beside the login, or removes it',
    access: ['account'],
    params: z.strictObject({ datastore }),
    body: change,
    status: 204,
    errors: ['datastore.unknown'],
  },
  listDatastorePasswords: {
    method: 'get',
    path: '/api/v1/accounts/{name}/datastores',
    summary: 'Lists the datastores of an account that ask for a password of their own',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 200,
    reply: list,
    errors: ['account.unknown'],
  },
  setDatastorePassword: {
    method: 'put',
    path: '/api/v1/accounts/{name}/datastores/{datastore}/password',
    summary: 'Sets the password that a datastore of an account asks for beside the login, or removes it',
    access: ['operator'],
    params: z.strictObject({ name: accountName, datastore }),
    body: change,
    status: 204,
    errors: ['account.unknown', 'datastore.unknown'],
  },
} as const satisfies Record<string, HttpCall>
