/** Global tokens of WBXML (OMA-WAP-WBXML 1.3, section 7.1) and the bits of a tag token. */

export const GLOBAL = {
  switchPage: 0x00,
  end: 0x01,
  entity: 0x02,
  inlineString: 0x03,
  literal: 0x04,
  processingInstruction: 0x43,
  tableString: 0x83,
  opaque: 0xc3,
} as const

/** Content follows, closed by END. */
export const CONTENT_BIT = 0x40

/** An attribute list follows, closed by END. */
export const ATTRIBUTES_BIT = 0x80

/** MIBenum of UTF-8. */
export const CHARSET_UTF8 = 0x6a

/** The version octet we write: WBXML 1.2. */
export const WRITTEN_VERSION = 0x02
