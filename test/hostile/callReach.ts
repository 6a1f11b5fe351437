/** What the credentials of a stolen device open, call by call: a call that is added has to be listed (ID-2). */

import type { CallName } from '../../schemas/http/api.ts'

/**
 * What a device's own credentials open. `anyone`: no token is asked for, and theirs help nothing. `names`: names and
 * states of the account's devices, no data. `own`: the device's own part. `owner`, `operator`, `service`: nothing.
 */
type Reach = 'anyone' | 'names' | 'own' | 'owner' | 'operator' | 'service'

export const reach: Record<CallName, Reach> = {
  register: 'anyone',
  login: 'anyone',
  refresh: 'anyone',
  registerDevice: 'owner',
  listOwnDevices: 'names',
  loginDevice: 'anyone',
  createOwnAppPassword: 'owner',
  jwks: 'anyone',
  listDatabases: 'own',
  listPoints: 'own',
  createRestore: 'own',
  readSegment: 'own',
  completeRestore: 'own',
  listOwnDatastorePasswords: 'owner',
  setOwnDatastorePassword: 'owner',
  listDatastorePasswords: 'operator',
  setDatastorePassword: 'operator',
  awaitNotification: 'own',
  setOwnServerPassword: 'owner',
  setServerPassword: 'operator',
  listAccounts: 'operator',
  addAccount: 'operator',
  setAccountDisabled: 'operator',
  addAppPassword: 'operator',
  listDevices: 'operator',
  setDeviceDisabled: 'operator',
  listAccountDatabases: 'operator',
  listAccountPoints: 'operator',
  prune: 'operator',
  allowEmpty: 'operator',
  wakeDevice: 'operator',
  setTrace: 'operator',
  readTrace: 'operator',
  openApi: 'anyone',
  internalRegister: 'service',
  internalLogin: 'service',
  internalRefresh: 'service',
  internalRegisterDevice: 'service',
  internalLoginDevice: 'service',
  internalCreateAppPassword: 'service',
  internalSetAccountDisabled: 'service',
  internalSetDeviceDisabled: 'service',
  internalListAccounts: 'service',
  internalListDevices: 'service',
  internalVerify: 'service',
  internalEnabled: 'service',
}
