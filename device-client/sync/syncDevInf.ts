/**
 * What the device tells a server about its datastores. All of its properties are named, since folders and tables keep
 * every one: a server must not take what we send back for the work of a device that knows only some (PIM-12, PIM-13).
 */

import type { CtCap, DevInf, DevInfDataStore } from '../../schemas/syncml/message.ts'
import { announcedTypes, type SyncApp } from './syncApp.ts'

const CARD =
  'ADR AGENT ANNIVERSARY BDAY CALADRURI CALURI CATEGORIES CLASS CLIENTPIDMAP EMAIL FBURL FN GENDER GEO IMPP KEY KIND ' +
  'LABEL LANG LOGO MAILER MEMBER N NAME NICKNAME NOTE ORG PHOTO PRODID PROFILE RELATED REV ROLE SORT-STRING SOUND ' +
  'SOURCE TEL TITLE TZ UID URL VERSION XML X-*'
const CALENDAR =
  'ATTACH ATTENDEE CATEGORIES CLASS COMMENT COMPLETED CONTACT CREATED DESCRIPTION DTEND DTSTAMP DTSTART DUE DURATION ' +
  'EXDATE EXRULE GEO LAST-MODIFIED LOCATION ORGANIZER PERCENT-COMPLETE PRIORITY PRODID RDATE RECURRENCE-ID RELATED-TO ' +
  'RESOURCES RRULE SEQUENCE STATUS SUMMARY TRANSP UID URL VERSION AALARM DALARM VALARM X-*'

/** Longest id of a server that is kept until it knows ours, in octets. */
const MAX_GUID_SIZE = 255

export interface DescribedStore {
  readonly app: SyncApp
  /** URI of our datastore. */
  readonly uri: string
  readonly name: string
}

export interface DescribedDevice {
  readonly deviceId: string
  readonly model: string
  readonly version: string
}

/** Device information of a device with these datastores. */
export function syncDevInf(device: DescribedDevice, stores: readonly DescribedStore[]): DevInf {
  return {
    verDtd: '1.2',
    man: 'Nightferry',
    mod: device.model,
    swV: device.version,
    devId: device.deviceId,
    devTyp: 'workstation',
    utc: true,
    supportLargeObjs: true,
    supportNumberOfChanges: true,
    dataStores: stores.map(dataStore),
  }
}

function dataStore({ app, uri, name }: DescribedStore): DevInfDataStore {
  const [best, ...others] = announcedTypes(app)
  return {
    sourceRef: uri,
    displayName: name,
    maxGuidSize: MAX_GUID_SIZE,
    ...(best === undefined ? {} : { rxPref: best, txPref: best }),
    rx: others,
    tx: others,
    ctCaps: ctCapsOf(app),
    syncCap: [1, 2, 3, 4, 5, 6],
  }
}

function ctCapsOf(app: SyncApp): readonly CtCap[] {
  if (app === 'notes' || app === 'records') return []
  const names = app === 'contacts' ? CARD : CALENDAR
  const properties = names.split(' ').map((propName) => ({ propName, valEnums: [], params: [] }))
  return announcedTypes(app).map(({ ctType, verCt }) => ({ ctType, verCt, properties }))
}
