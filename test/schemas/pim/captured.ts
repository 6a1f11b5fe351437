/** Items of real devices and of the generator, read at run time from the folder beside the checkout. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sharedDir } from '../../support/sharedDir.ts'

export interface CapturedItem {
  readonly origin: string
  readonly kind: 'contact' | 'event'
  readonly octets: Uint8Array
}

/** Every vCard and calendar that stands in a capture as XML. */
export function capturedItems(): CapturedItem[] {
  const folder = join(sharedDir ?? '', 'captures')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(xml|txt)$/.test(name))
  return files.flatMap((name) => itemsOf(name, readFileSync(join(folder, name), 'utf8')))
}

function itemsOf(origin: string, message: string): CapturedItem[] {
  // XML of SyncEvolution: `]]>` of an item is cut into two sections.
  const text = message.replaceAll(']]>]<![CDATA[]>', ']]>')
  return [...text.matchAll(/BEGIN:(VCARD|VCALENDAR)\r?\n[\s\S]*?\nEND:\1/g)].map(([item, component]) => ({
    origin,
    kind: component === 'VCARD' ? ('contact' as const) : ('event' as const),
    octets: Buffer.from(`${item}\r\n`),
  }))
}

/** Items of the generator, in the order of their numbers. */
export function generatedItems(...options: string[]): Uint8Array[] {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-pim-'))
  try {
    execFileSync(process.execPath, [join(sharedDir ?? '', 'syncevo', 'gen-vcards.mjs'), 'make', folder, ...options])
    return readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name)))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
