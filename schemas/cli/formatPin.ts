/** A pin as both programs show it in their lists of restore points. */

/** `operator: before the audit`; empty where there is none. */
export function formatPin(pin: { readonly by: string; readonly reason: string } | undefined): string {
  if (pin === undefined) return ''
  return pin.reason === '' ? pin.by : `${pin.by}: ${pin.reason}`
}
