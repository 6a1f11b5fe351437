/** A listening server: how long connections are kept, and how it ends. */

import { expect, it } from 'vitest'
import { listen } from '../../../server/http/listen.ts'

it('keeps connections longer than those who use them do', async () => {
  const listening = await listen((_request, response) => void response.end('here'), {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs: 1000,
  })
  try {
    const answer = await fetch(listening.url)
    // Proxies close after a minute: whoever sends on a connection must not meet our closing it.
    expect(Number(/timeout=(\d+)/.exec(answer.headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(60)
  } finally {
    await listening.close(0)
  }
})
