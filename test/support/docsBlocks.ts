/**
 * Documents as the tests read them: the commands of their ```sh blocks in order, each with the output that the next
 * ```console or ```json block shows. Also how shown and real output are compared: words must be equal, while ids,
 * moments, durations and sizes differ from run to run.
 */

/** A ```sh block and what the document says it prints. */
export interface DocsBlock {
  /** Line of the document, from 1. */
  readonly line: number
  readonly commands: readonly string[]
  readonly shown?: { readonly kind: 'console' | 'json'; readonly text: string }
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm

/** The blocks of a Markdown text. @throws Error if shown output follows no commands. */
export function readDocsBlocks(markdown: string): readonly DocsBlock[] {
  const blocks: DocsBlock[] = []
  for (const { 1: kind = '', 2: text = '', index } of markdown.matchAll(FENCE)) {
    const line = markdown.slice(0, index).split('\n').length
    if (kind === 'sh') blocks.push({ line, commands: text.trimEnd().split('\n') })
    if (kind !== 'console' && kind !== 'json') continue
    const last = blocks.pop()
    if (last === undefined || last.shown !== undefined) throw new Error(`line ${line}: output of no command`)
    blocks.push({ ...last, shown: { kind, text } })
  }
  return blocks
}

const VARIABLE: readonly (readonly [RegExp, string])[] = [
  // Progress is only shown when something takes long.
  [/^(backup|restore) of .*: \d+ %\n/gm, ''],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'MOMENT'],
  [/\b(nf-|mk_|a_|nightferry-)[0-9a-f]{16,32}\b/g, '$1ID'],
  [/\b[a-z0-9]{20}\b/g, 'PASSWORD'],
  [/\b\d+(\.\d+)? (B|KB|MB)(?=\s|$|\))/g, 'SIZE'],
  [/\b\d+ (ms|s|min|h|d)\b/g, 'TIME'],
  [/(?<=\S) +\d+$/gm, ' NUMBER'],
  [/ +/g, ' '],
  [/ +$/gm, ''],
  [/\b(?<!-)[0-9a-f]{32}\b/g, 'TOKEN'],
]

/** `text` with everything that differs from run to run replaced by what it is; a page shows no CR of CSV. */
export function outline(text: string): string {
  const shown = text.replaceAll('\r\n', '\n').trim()
  return VARIABLE.reduce((current, [pattern, name]) => current.replaceAll(pattern, name), shown)
}

/** A JSON value with its numbers, and those strings that are ids, digests or tokens, replaced by what they are. */
export function outlineJson(value: unknown): unknown {
  if (typeof value === 'number') return 'NUMBER'
  if (typeof value === 'string') return outlineText(value)
  if (Array.isArray(value)) return value.map(outlineJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, outlineJson(held)]))
}

function outlineText(text: string): string {
  const known = outline(text)
  return /^(?=.*\d)[\w.-]{16,}$/.test(known) ? 'TOKEN' : known
}
