/**
 * Alert and Status codes by name. Reference: OMA SyncML Representation Protocol 1.2.2, section 10;
 * SyncML Sync Protocol 1.1, chapters 5 and 6. Codes travel as decimal text.
 */

/** Alert codes of OMA DS. */
export const ALERT = {
  display: 100,
  twoWay: 200,
  slowSync: 201,
  oneWayFromClient: 202,
  refreshFromClient: 203,
  oneWayFromServer: 204,
  refreshFromServer: 205,
  twoWayByServer: 206,
  oneWayFromClientByServer: 207,
  refreshFromClientByServer: 208,
  oneWayFromServerByServer: 209,
  refreshFromServerByServer: 210,
  resultAlert: 221,
  nextMessage: 222,
  noEndOfData: 223,
  suspend: 224,
  resume: 225,
} as const

/** An Alert code we know. */
export type AlertCode = (typeof ALERT)[keyof typeof ALERT]

/** Status codes. */
export const STATUS = {
  inProgress: 101,
  ok: 200,
  itemAdded: 201,
  accepted: 202,
  nonAuthoritative: 203,
  noContent: 204,
  resetContent: 205,
  partialContent: 206,
  conflictMerged: 207,
  conflictClientWins: 208,
  conflictDuplicated: 209,
  deletedWithoutArchive: 210,
  itemNotDeleted: 211,
  authenticationAccepted: 212,
  chunkAccepted: 213,
  operationCancelled: 214,
  notExecuted: 215,
  atomicRolledBack: 216,
  multipleChoices: 300,
  movedPermanently: 301,
  found: 302,
  seeOther: 303,
  notModified: 304,
  useProxy: 305,
  badRequest: 400,
  invalidCredentials: 401,
  paymentRequired: 402,
  forbidden: 403,
  notFound: 404,
  commandNotAllowed: 405,
  optionalFeatureNotSupported: 406,
  missingCredentials: 407,
  requestTimeout: 408,
  conflict: 409,
  gone: 410,
  sizeRequired: 411,
  incompleteCommand: 412,
  entityTooLarge: 413,
  uriTooLong: 414,
  unsupportedMediaType: 415,
  requestedSizeTooBig: 416,
  retryLater: 417,
  alreadyExists: 418,
  conflictServerWins: 419,
  deviceFull: 420,
  unknownSearchGrammar: 421,
  badCgiScript: 422,
  softDeleteConflict: 423,
  sizeMismatch: 424,
  permissionDenied: 425,
  partialItemNotAccepted: 426,
  itemNotEmpty: 427,
  moveFailed: 428,
  commandFailed: 500,
  commandNotImplemented: 501,
  badGateway: 502,
  serviceUnavailable: 503,
  gatewayTimeout: 504,
  dtdVersionNotSupported: 505,
  processingError: 506,
  atomicFailed: 507,
  refreshRequired: 508,
  dataStoreFailure: 510,
  serverFailure: 511,
  synchronizationFailed: 512,
  protocolVersionNotSupported: 513,
  notExecutedCancelled: 514,
  atomicRollBackFailed: 516,
  atomicResponseTooLarge: 517,
} as const

/** A Status code we know. */
export type StatusCode = (typeof STATUS)[keyof typeof STATUS]

/**
 * True if the command did what was asked: all of 2xx but 215 and Nokia's private 217, and 419, which settles a conflict.
 * 418 is a success only in a slow or resumed sync; the caller knows which one it is.
 */
export function isSuccess(status: number): boolean {
  if (status === STATUS.notExecuted || status === 217) return false
  return (status >= 200 && status <= 299) || status === STATUS.conflictServerWins
}

/** True if the command has been dealt with and need not come again: 2xx, 418 (it is there already) and 419 (IT-7). */
export function isSettled(status: number): boolean {
  return (status >= 200 && status <= 299) || status === STATUS.alreadyExists || status === STATUS.conflictServerWins
}
