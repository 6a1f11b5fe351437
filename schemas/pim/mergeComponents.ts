/** The components of a merged item: alarms, time zones, changed occurrences. Part of PIM-13. */

import { canonicalLines } from './canonical.ts'
import { type Capabilities, capabilityOf, isKnown } from './capabilities.ts'
import type { JComponent, JProperty } from './jcard.ts'
import { mainOf } from './trees.ts'

/** The merged tree: `properties` are those of its main component. */
export function mergeComponents(
  held: JComponent,
  edited: JComponent,
  properties: readonly JProperty[],
  capabilities: Capabilities,
  partial: boolean,
): JComponent {
  if (edited[0] === 'vcard') return ['vcard', properties, []]
  const [heldMain, editedMain] = [mainOf(held), mainOf(edited)]
  const main: JComponent = [editedMain[0], properties, mergeAlarms(heldMain, editedMain, capabilities, partial)]
  const rest = (tree: JComponent, of: JComponent, name: (name: string) => boolean) =>
    tree[2].filter((component) => component !== of && name(component[0]))
  const either = (name: (name: string) => boolean) => {
    const found = rest(edited, editedMain, name)
    return found.length > 0 ? found : rest(held, heldMain, name)
  }
  const zones = either((name) => name === 'vtimezone')
  const others = either((name) => name !== 'vtimezone')
  return [edited[0], mergeRoot(held[1], edited[1]), [...zones, main, ...others]]
}

/** Properties of VCALENDAR: the device's, and ours that it does not have. */
function mergeRoot(held: readonly JProperty[], edited: readonly JProperty[]): JProperty[] {
  const named = new Set(edited.map(([name]) => name))
  return [...edited, ...held.filter(([name]) => !named.has(name) && name !== 'prodid')]
}

function mergeAlarms(
  held: JComponent,
  edited: JComponent,
  capabilities: Capabilities,
  partial: boolean,
): readonly JComponent[] {
  const lookUp = capabilityOf(capabilities)
  const knows =
    ['valarm', 'aalarm', 'dalarm', 'trigger'].some((name) => isKnown(name, capabilities, lookUp)) ||
    (lookUp('begin')?.valEnums.some((word) => word.toUpperCase() === 'VALARM') ?? false)
  if (edited[2].length === 0) return knows && !partial ? [] : held[2]
  const keys = new Map(held[2].map((alarm): [string, JComponent] => [canonicalLines(alarm).join('\n'), alarm]))
  return edited[2].map((alarm) => keys.get(canonicalLines(alarm).join('\n')) ?? alarm)
}
