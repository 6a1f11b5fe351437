/**
 * The ordered element tree that both encodings produce and consume: local names, children in order, a value.
 * Namespaces and code pages follow from the names (`codePages.ts`), so the tree carries none. Rules WF-1, WF-2.
 */

/** One element; either children or a value, or neither for a flag such as `Final`. */
export interface Element {
  readonly name: string
  readonly children: readonly Element[]
  /** Text, or octets where WBXML carried OPAQUE; undefined if the element was empty. */
  readonly value?: string | Uint8Array
}

/** An element with children; those that are undefined are left out. */
export function parent(name: string, children: readonly (Element | undefined)[]): Element {
  return { name, children: children.filter((child) => child !== undefined) }
}

/** An element with a value. */
export function leaf(name: string, value: string | Uint8Array): Element {
  return value === '' ? { name, children: [] } : { name, children: [], value }
}

/** A leaf, or undefined where there is no value: for optional elements. */
export function optionalLeaf(name: string, value: string | number | undefined): Element | undefined {
  return value === undefined ? undefined : leaf(name, String(value))
}

/** An empty element where `present`, else undefined. */
export function flag(name: string, present: boolean | undefined): Element | undefined {
  return present === true ? { name, children: [] } : undefined
}
