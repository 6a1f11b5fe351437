/** `nightferry-device init`: registers this device with an account. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'
import { readSecret } from '../readSecret.ts'

export const init: AgentCommand = {
  spec: {
    name: 'init',
    summary: 'register this device with an account',
    args: [],
    options: [
      { name: 'server', value: 'URL', summary: 'address of the server', env: 'NIGHTFERRY_SERVER', required: true },
      { name: 'user', value: 'NAME', summary: 'name of the account', env: 'NIGHTFERRY_USER', required: true },
      { name: 'device', value: 'NAME', summary: 'name of this device, unique within the account', required: true },
      { name: 'verify-server', summary: 'have the server prove before each backup that it is the one registered with' },
      { name: 'password-file', value: 'FILE', summary: 'read the password from a file', path: true },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const user = textOf(input, 'user') ?? ''
      const question = `Password of ${user}`
      const password = await readSecret(question, textOf(input, 'password-file'), context.environment)
      const report = await context.client.init({
        server: textOf(input, 'server') ?? '',
        user,
        device: textOf(input, 'device') ?? '',
        password,
        verifyServer: input['verify-server'] === true,
      })
      return {
        json: { ...report },
        text: `registered as ${report.device} of ${report.user} at ${report.server}\n`,
      }
    }),
}
