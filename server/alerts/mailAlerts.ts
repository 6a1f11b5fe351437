/** Alerts by mail (AL-6): one message for all that is due, in plain text. */

import { createTransport } from 'nodemailer'
import { CodedError } from '../../schemas/errors.ts'
import { type Alert, type AlertPort, subjectOf } from './alert.ts'

/** A night in which a whole fleet is late is a few mails, not one per device. */
const PAUSE_MS = 15 * 60_000

const TIMEOUT_MS = 20_000

export interface MailOptions {
  /** `smtp://host:port` or `smtps://…`, with a user name if it asks for a login. */
  readonly url: string
  readonly password?: string
  readonly from: string
  readonly to: readonly string[]
  readonly serverId: string
}

/** Fills the port with mails through `options.url`; `send` throws `network.unreachable` if none takes them. */
export function createMailAlerts({ url, password, from, to, serverId }: MailOptions): AlertPort {
  const { protocol, hostname, port, username } = new URL(url)
  const transport = createTransport({
    host: hostname,
    ...(port !== '' && { port: Number(port) }),
    secure: protocol === 'smtps:',
    ...(username !== '' && { auth: { user: decodeURIComponent(username), pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  })
  return {
    name: 'mail',
    pauseMs: PAUSE_MS,
    async send(alerts) {
      try {
        await transport.sendMail({ from, to: [...to], ...formatMail(alerts, serverId) })
      } catch (cause) {
        throw new CodedError('network.unreachable', 'the mail server did not take the alerts', { cause })
      }
    },
  }
}

/** Subject and text of one mail. */
export function formatMail(alerts: readonly Alert[], serverId: string): { subject: string; text: string } {
  const bad = alerts.filter(({ severity }) => severity === 'bad')
  const good = alerts.length - bad.length
  const [first] = alerts
  const counts = [bad.length > 0 ? `${bad.length} to look at` : '', good > 0 ? `${good} well again` : '']
  const what =
    alerts.length === 1 && first
      ? `${subjectOf(first)}: ${first.text}`
      : counts.filter((part) => part !== '').join(', ')
  const lines = [...bad, ...alerts.filter(({ severity }) => severity === 'good')].map(
    (alert) => `${new Date(alert.at).toISOString()}  ${subjectOf(alert)}: ${alert.text}`,
  )
  return { subject: oneLine(`Nightferry: ${what}`), text: `${lines.map(oneLine).join('\n')}\n\nServer ${serverId}\n` }
}

/** Names come from devices: no line of theirs may begin a line of ours. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 900)
}
