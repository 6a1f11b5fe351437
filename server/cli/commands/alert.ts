/** `nightferry alert test`: tries the ways alerts take. */

import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { formatTable } from '../../../schemas/cli/formatTable.ts'
import { type ServerCommand, settingOptions, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

export const alertTest: ServerCommand = {
  spec: {
    name: 'alert test',
    summary: 'send an alert by each way that is set up, now',
    args: [],
    options: [...WHERE_OPTIONS, ...settingOptions('alertWebhook', 'alertMailTo', 'alertMailFrom', 'smtpUrl')],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const ports = await api.testAlerts()
      const rows = ports.map(({ port, failure }) => [port, failure ?? 'taken'])
      return {
        json: { ports },
        text: formatTable(['WAY', ''], rows, 'no way for alerts is set up'),
        ...(ports.some(({ failure }) => failure !== undefined) && { exitCode: EXIT.unreachable }),
      }
    }),
}
