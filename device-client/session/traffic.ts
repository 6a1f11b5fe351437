/** What talking to the server cost. */
export interface Traffic {
  exchanges: number
  bytesSent: number
  bytesReceived: number
}

/** Nothing so far. */
export function noTraffic(): Traffic {
  return { exchanges: 0, bytesSent: 0, bytesReceived: 0 }
}
