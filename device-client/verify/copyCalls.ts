/** The server's calls that a comparison needs, with the device's own token; what they cost is counted. */

import { formatPath } from '../../schemas/http/call.ts'
import {
  type CopyDescription,
  type DigestReply,
  type DigestRequest,
  readAnswer,
  type VerificationReport,
  verifyCalls,
} from '../../schemas/http/verify.ts'
import type { AgentRecords } from '../agentRecords.ts'
import { openDeviceToken } from '../deviceToken.ts'
import type { Fetch } from '../ports.ts'
import { restCall, restOctets } from '../restCall.ts'
import { noTraffic, type Traffic } from '../session/traffic.ts'

/** Octets of bodies and HTTP requests. */
export interface CopyCalls {
  readonly traffic: Traffic
  /** @throws {CodedError} `database.unknown` if the server has none. */
  describe(withObjects: boolean): Promise<CopyDescription>
  /** @throws {CodedError} `anchor.mismatch` if the copy went on. */
  digest(request: DigestRequest): Promise<DigestReply>
  report(report: VerificationReport): Promise<void>
}

/** @throws {CodedError} `device.unknown` before `init`. */
export async function openCopyCalls(
  ports: { readonly fetch: Fetch; readonly records: AgentRecords; readonly clock: { now(): number } },
  database: string,
): Promise<CopyCalls> {
  const traffic: Traffic = noTraffic()
  const fetch = countingFetch(ports.fetch, traffic)
  const { server, read: token } = await openDeviceToken({ ...ports, fetch })
  const { describeCopy, digestCopy, reportVerification } = verifyCalls
  const params = { name: database }
  return {
    traffic,
    describe: async (withObjects) => {
      const path = `${formatPath(describeCopy, params)}${withObjects ? '?objects=yes' : ''}`
      return readAnswer(
        describeCopy.reply,
        await restCall(fetch, { server, method: 'GET', path, token: await token() }),
      )
    },
    digest: async (body) => {
      const path = formatPath(digestCopy, params)
      const call = { server, method: 'POST', path, token: await token(), body } as const
      return readAnswer(digestCopy.reply, await restCall(fetch, call))
    },
    report: async (body) => {
      const path = formatPath(reportVerification, params)
      await restOctets(fetch, { server, method: 'POST', path, token: await token(), body })
    },
  }
}

function countingFetch(fetch: Fetch, traffic: Traffic): Fetch {
  return async (url, init) => {
    traffic.exchanges += 1
    traffic.bytesSent += init.body?.length ?? 0
    const reply = await fetch(url, init)
    const bytes = await reply.bytes()
    traffic.bytesReceived += bytes.length
    return { status: reply.status, header: (name) => reply.header(name), bytes: () => Promise.resolve(bytes) }
  }
}
