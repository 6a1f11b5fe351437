/**
 * What the client's Statuses say about our Items (reference 3.7, 3.8): matched with what was sent, and told to the
 * datastores once a message, before the answer is stored (OM-29).
 */

import { isSuccess } from '../../schemas/syncml/codes.ts'
import { advance, type CommandContext, datastoreOf, statusOnError } from './commands/commandContext.ts'
import type { SentItem, SentItems } from './sessionState.ts'

/** A Status for one of our commands. */
export interface ItemAnswer {
  readonly msgRef: number
  readonly cmdRef: number
  readonly status: number
}

/** What became of one Item. */
type SettledItem = SentItem & { readonly status: number }

export interface MatchedAnswers {
  /** By datastore, in the order they were sent. */
  readonly settled: ReadonlyMap<string, readonly SettledItem[]>
  /** What still waits for its Status. */
  readonly sent: readonly SentItems[]
  /** Datastores whose object was refused before its last chunk. */
  readonly refused: readonly string[]
}

/** Matches Statuses with what was sent; those that fit nothing are ignored (reference 3.7, rule 7). */
export function matchAnswers(sent: readonly SentItems[], answers: readonly ItemAnswer[]): MatchedAnswers {
  const statuses = new Map(answers.map(({ msgRef, cmdRef, status }) => [`${msgRef}/${cmdRef}`, status]))
  const settled = new Map<string, SettledItem[]>()
  const refused: string[] = []
  const left: SentItems[] = []
  for (const group of sent) {
    const { msgId, uri, firstCmdId, more } = group
    const items = group.items.map((item, at) => {
      const status = item === null ? undefined : statuses.get(`${msgId}/${firstCmdId + at}`)
      if (item === null || status === undefined) return item
      const goesOn = more && at === group.items.length - 1
      if (goesOn && isSuccess(status)) return null
      if (goesOn) refused.push(uri)
      const ofStore = settled.get(uri) ?? []
      ofStore.push({ ...item, status })
      settled.set(uri, ofStore)
      return null
    })
    if (items.some((item) => item !== null)) left.push({ ...group, items })
  }
  return { settled, sent: left, refused }
}

/**
 * Tells the datastores what the client has now.
 * @returns the Status of a failure, or undefined. Nothing is lost by one: what was not acknowledged is sent again.
 */
export async function settleAnswers(context: CommandContext): Promise<number | undefined> {
  if (context.itemAnswers.length === 0) return undefined
  const { settled, sent, refused } = matchAnswers(context.state.sent, context.itemAnswers)
  for (const [uri, answers] of settled) {
    const link = context.state.links.find((l) => l.uri === uri)
    if (!link) continue
    const told = await statusOnError(context, 'acknowledge', async () => {
      const { datastore, client } = await datastoreOf(context, link)
      await datastore.acknowledge(client, link.state, answers)
    })
    if ('status' in told) return told.status
  }
  advance(context, { kind: 'items-answered', sent, refused })
  return undefined
}
