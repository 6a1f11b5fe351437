/**
 * The port to peers of the same Delivery on the local network. Both sides of a connection prove that they hold the key
 * that the server gave this pair; nobody else gets beyond the handshake, and nobody beside it reads along (DV-3).
 */

/** What is asked of a peer. */
export interface PeerRequest {
  readonly what: 'waiting' | 'map' | 'segment'
  /** With `segment`. */
  readonly segment?: number
  /** With `waiting`. */
  readonly body?: Uint8Array
}

export interface PeerReply {
  readonly status: 200 | 404
  readonly body: Uint8Array
  /** The packet header of a segment (WF-41). */
  readonly packet?: string
}

/** Another device, at one of its addresses. */
export interface PeerEnd {
  /** Numeric address and port. */
  readonly address: string
  readonly peerId: string
  /** Of this pair. */
  readonly key: Uint8Array
}

export interface PeerListening {
  /** Where peers reach this device. */
  readonly addresses: readonly string[]
  /** @throws {CodedError} `network.unreachable` if it does not answer, or cannot prove itself, within seconds. */
  ask(peer: PeerEnd, request: PeerRequest): Promise<PeerReply>
  close(): Promise<void>
}

/** What a device does for its peers. */
export interface PeerHost {
  /** Its own name towards them; known once it joined. */
  ownId(): string
  /** The key of the pair; undefined for who is no peer: it is refused. */
  keyOf(peerId: string): Uint8Array | undefined
  answer(peerId: string, request: PeerRequest): Promise<PeerReply>
}

export type OpenPeerNetwork = (
  host: PeerHost,
  options: { readonly listen: readonly string[]; readonly port: number },
) => Promise<PeerListening>
