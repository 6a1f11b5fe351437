/** What we write keeps the order of the DTDs: several clients read nothing else. */

import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../../../schemas/syncml/codec.ts'
import { orderErrors } from '../../support/contentModels.ts'
import { messageArbitrary } from '../../support/messageArbitrary.ts'
import fc from '../../support/properties.ts'

describe('the order of elements', () => {
  it('[OM-13] [WF-2] any message is written in the order of the content models', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        const xml = new TextDecoder().decode(encodeMessage(message, 'xml'))
        expect(orderErrors(xml)).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('[OM-13] the judge sees what is out of order', () => {
    expect(orderErrors('<SyncML><SyncBody><Final/></SyncBody><SyncHdr/></SyncML>')).toHaveLength(1)
    expect(
      orderErrors('<SyncML><SyncBody><Status><Data>200</Data><CmdID>1</CmdID></Status></SyncBody></SyncML>'),
    ).toHaveLength(1)
    expect(orderErrors('<SyncML><SyncBody><Alert><Own/></Alert></SyncBody></SyncML>')).toHaveLength(1)
  })
})
