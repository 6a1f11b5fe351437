/** A server that announces a smaller MaxMsgSize than ours does. */

import { decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { OmadsServer } from './omadsPeer.ts'

/** Changes `server`, also after each restart, and gives it back. Its peers must speak WBXML. */
export function limitMessages(server: OmadsServer, maxMsgSize: number): OmadsServer {
  const patch = () => {
    const { omads } = server
    const handle = async (request: Parameters<typeof omads>[0]) => {
      const answer = await omads(request)
      if (answer.status !== 200) return answer
      const message = decodeMessage(answer.bytes, 'wbxml')
      const header = { ...message.header, meta: { ...message.header.meta, maxMsgSize } }
      return { ...answer, bytes: encodeMessage({ ...message, header }, 'wbxml') }
    }
    server.omads = Object.assign(handle, { expireIdle: omads.expireIdle, settled: omads.settled })
  }
  const { restart } = server
  server.restart = () => {
    restart()
    patch()
  }
  patch()
  return server
}
