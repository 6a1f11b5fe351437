/**
 * Text as XML content that every parser gives back to the octet: CR as a character reference, `>` escaped so that
 * `]]>` cannot appear, and no character that XML has no way to carry. Rule WF-4.
 */

import { malformed } from './malformed.ts'
import { findForbidden } from './xmlGuard.ts'

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
}

/**
 * `text` for use as element content or attribute value.
 * @throws {CodedError} `protocol.malformed` if XML 1.0 cannot carry a character of it (section 2.2)
 */
export function escapeText(text: string): string {
  const forbidden = findForbidden(text)
  if (forbidden >= 0 || !text.isWellFormed()) {
    const which = forbidden >= 0 ? `character ${text.charCodeAt(forbidden)}` : 'a lone surrogate'
    throw malformed(`${which} cannot be written in XML`)
  }
  return text.replace(/[&<>"\r]/g, (char) => REFERENCES[char] ?? char)
}
