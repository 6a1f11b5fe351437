/** `nightferry epoch`: the server's epoch, and another one where an operator set the data back by hand (SB-8). */

import { beginEpoch, openEpoch } from '../../serverBackup/epoch.ts'
import { configOf, type ServerCommand, settingOptions } from '../serverContext.ts'

export const epochCommand: ServerCommand = {
  spec: {
    name: 'epoch',
    summary: "show the server's epoch, or begin another: devices then compare their copies",
    args: [],
    options: [
      { name: 'new', summary: 'begin another; a server that runs has to be started again' },
      ...settingOptions('data'),
    ],
  },
  run: async (context, input) => {
    const tellDamage = (): void => context.notice('the epoch was damaged: another one begins\n')
    const { data } = configOf(context, input)
    const epoch = input.new === true ? beginEpoch(data) : openEpoch(data, tellDamage)
    return { json: { epoch }, text: `${epoch}\n` }
  },
}
