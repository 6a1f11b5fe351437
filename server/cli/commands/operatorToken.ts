/** `nightferry operator-token`: a token for an operator who works from another machine. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { configOf, type ServerCommand, settingOptions } from '../serverContext.ts'

const LONGEST_LIFE_HOURS = 24 * 31

export const operatorToken: ServerCommand = {
  spec: {
    name: 'operator-token',
    summary: "make an operator's token for NIGHTFERRY_TOKEN",
    args: [],
    options: [
      { name: 'hours', value: 'HOURS', summary: 'how long it is valid', default: '1' },
      ...settingOptions('data', 'masterKeyFile', 'masterKeyCommand'),
    ],
  },
  run: async (context, input) => {
    const expiresIn = parseHours(textOf(input, 'hours') ?? '') * 3600
    const server = await context.openers.openServer(configOf(context, input))
    try {
      const token = await server.createOperatorToken(expiresIn)
      return { json: { token, expiresIn }, text: `${token}\n` }
    } finally {
      await server.close()
    }
  },
}

function parseHours(text: string): number {
  const hours = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (hours >= 1 && hours <= LONGEST_LIFE_HOURS) return hours
  throw new CodedError('config.invalid', `not a number of hours: ${text}`, { next: `Give 1 to ${LONGEST_LIFE_HOURS}.` })
}
