/** `nightferry verify`: proves now that a copy can be restored, and shows what its device last found. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { formatAge } from '../../../schemas/cli/formatTable.ts'
import type { Verification } from '../../../schemas/http/verify.ts'
import type { VerifiedCopy } from '../../verify/verifications.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const verify: ServerCommand = {
  spec: {
    name: 'verify',
    summary: 'prove that a copy can be restored; show what its device last found',
    args: [deviceArgument, { name: 'DATABASE', summary: 'name of the database' }],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const database = textOf(input, 'DATABASE') ?? ''
      const found = await api.verify(device, database)
      return {
        json: { device: device.deviceId, database, ...found },
        text: `${database}: ${describeResult(found)}\n${describeVerification(found.verification)}\n`,
        exitCode: found.result === 'failed' ? EXIT.integrity : EXIT.ok,
      }
    }),
}

const RESULT: Readonly<Record<VerifiedCopy['result'], string>> = {
  proven: 'it can be restored',
  unchecked: 'nobody can judge it here',
  failed: 'NOT RESTORABLE',
}

function describeResult({ result, failure }: VerifiedCopy): string {
  return failure === undefined ? RESULT[result] : `${RESULT[result]}: ${failure}`
}

/** What a device last found, as one line. */
export function describeVerification(found: Verification | undefined): string {
  if (found === undefined) return 'its device never compared it'
  const when = `${formatAge(Date.now() - found.verifiedAt)} ago`
  const what = found.form === 'full' ? 'all of it' : 'a part of it'
  if (found.differences === 0) return `its device compared ${what} ${when}: equal`
  const repair = found.repair ? ', which its next backup sends' : ''
  return `its device compared ${what} ${when}: ${found.differences} DIFFERENCES${repair}`
}
