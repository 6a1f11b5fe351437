/** `nightferry keys status`: which master key protects the data folder. */

import { configOf, type ServerCommand, settingOptions } from '../serverContext.ts'

export const keysStatus: ServerCommand = {
  spec: {
    name: 'keys status',
    summary: 'show which master key protects the data',
    args: [],
    options: settingOptions('data', 'masterKeyFile'),
  },
  run: async (context, input) => {
    const server = await context.openers.openServer(configOf(context, input))
    const { currentKeyId, masterKeyPath } = server.keys
    await server.close()
    return { json: { currentKeyId, masterKeyPath }, text: `key   ${currentKeyId}\nfile  ${masterKeyPath}\n` }
  },
}
