/**
 * What a store keeps of each content type, for the device information (reference 2.3). A store keeps every property, but
 * many clients send only those that are listed, so all that are in use are listed.
 */

import type { CtCap, DevInfProperty } from '../../schemas/syncml/message.ts'

const CARD = words(`N FN NICKNAME PHOTO BDAY ADR LABEL TEL EMAIL MAILER TZ GEO TITLE ROLE LOGO AGENT ORG CATEGORIES NOTE
  PRODID REV SORT-STRING SOUND UID URL CLASS KEY IMPP`)
const CARD_4 = words(`KIND XML GENDER ANNIVERSARY LANG RELATED MEMBER SOURCE CLIENTPIDMAP FBURL CALADRURI CALURI`)
/** Private ones that several clients share. */
const CARD_PRIVATE = words(`X-AIM X-ANNIVERSARY X-ASSISTANT X-CUSTOM X-EPOCSECONDNAME X-EVOLUTION-FILE-AS
  X-EVOLUTION-SPOUSE X-EVOLUTION-VIDEO-URL X-FOAF X-GADUGADU X-GENDER X-GROUPWISE X-ICQ X-JABBER X-MANAGER
  X-MOZILLA-HTML X-MSN X-SIP X-SKYPE X-SPOUSE X-TEAMSPEAK X-YAHOO X-ABDATE X-ABLABEL X-ABRELATEDNAMES`)
const CARD_PARAMS = new Map([
  ['TEL', words('HOME WORK CELL VOICE FAX PAGER MSG CAR ISDN VIDEO PREF MODEM BBS PCS X-CUSTOM')],
  ['EMAIL', words('HOME WORK INTERNET X400 PREF OTHER X-CUSTOM')],
  ['ADR', words('HOME WORK DOM INTL POSTAL PARCEL PREF X-CUSTOM')],
  ['LABEL', words('HOME WORK DOM INTL POSTAL PARCEL PREF')],
  ['URL', words('HOME WORK PREF X-CUSTOM')],
  ['PHOTO', words('JPEG PNG GIF BMP TIFF WEBP')],
])

const EVENT = words(`UID SUMMARY DESCRIPTION LOCATION DTSTART DTEND DUE DURATION COMPLETED DTSTAMP CREATED LAST-MODIFIED
  CATEGORIES CLASS PRIORITY STATUS TRANSP SEQUENCE RRULE RDATE EXDATE RECURRENCE-ID ATTENDEE ORGANIZER CONTACT COMMENT
  URL GEO RESOURCES RELATED-TO ATTACH PERCENT-COMPLETE ACTION TRIGGER REPEAT TZID TZNAME TZOFFSETFROM TZOFFSETTO`)
const OLD_EVENT =
  words(`UID SUMMARY DESCRIPTION LOCATION DTSTART DTEND DUE COMPLETED DCREATED LAST-MODIFIED CATEGORIES CLASS
  PRIORITY STATUS TRANSP SEQUENCE RRULE RDATE EXDATE RNUM EXRULE ATTENDEE RELATED-TO RESOURCES URL GEO ATTACH AALARM
  DALARM MALARM PALARM TZ DAYLIGHT PRODID X-EPOCAGENDAENTRYTYPE X-SYNCEVOLUTION-DESC X-LIC-LOCATION`)

const DATA_OBJECTS = new Map([
  ['application/vnd.omads-file+xml', words('name created modified accessed attributes h s a d w r x cttype body size')],
  ['application/vnd.omads-folder+xml', words('name created modified accessed attributes role')],
  [
    'application/vnd.omads-email+xml',
    words('read forwarded replied received created modified deleted flagged emailitem ext'),
  ],
])

/** The CTCap of a content type. */
export function capOf([ctType, verCt]: readonly [string, string]): CtCap {
  return { ctType, verCt, properties: propertiesOf(ctType, verCt) }
}

function propertiesOf(ctType: string, verCt: string): readonly DevInfProperty[] {
  switch (ctType) {
    case 'text/vcard':
    case 'text/x-vcard': {
      const names = [...CARD, ...(verCt === '4.0' ? CARD_4 : []), ...CARD_PRIVATE]
      return [...frame(['VCARD'], verCt), ...names.map((name) => property(name, CARD_PARAMS.get(name)))]
    }
    case 'text/calendar':
      return [...frame(words('VCALENDAR VEVENT VTODO VALARM VTIMEZONE'), verCt), ...EVENT.map((name) => property(name))]
    case 'text/x-vcalendar':
      return [...frame(words('VCALENDAR VEVENT VTODO'), verCt), ...OLD_EVENT.map((name) => property(name))]
    case 'text/x-vnote':
      return [...frame(['VNOTE'], verCt), ...words('BODY SUMMARY CATEGORIES CLASS DCREATED LAST-MODIFIED').map(plain)]
    case 'text/x-vbookmark':
      return [...frame(['VBKM'], verCt), ...words('URL TITLE CATEGORIES').map(plain)]
    default:
      return (DATA_OBJECTS.get(ctType) ?? ['DATA']).map(plain)
  }
}

/** The three properties that every such object has, with the values they take. */
function frame(components: readonly string[], version: string): DevInfProperty[] {
  return [
    { ...plain('BEGIN'), valEnums: components },
    { ...plain('END'), valEnums: components },
    { ...plain('VERSION'), valEnums: [version] },
  ]
}

function property(propName: string, types: readonly string[] = []): DevInfProperty {
  const params = types.length === 0 ? [] : [{ paramName: 'TYPE', valEnums: types }]
  return { propName, valEnums: [], params }
}

function plain(propName: string): DevInfProperty {
  return { propName, valEnums: [], params: [] }
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
