/**
 * The little of WebCrypto that a restore uses. Every platform of ours has it as a global; the types are here, so that
 * the core needs neither those of Node nor those of a browser.
 */

import { toHex } from '../../schemas/hex.ts'

type Octets = Uint8Array<ArrayBuffer>

interface AesGcm {
  readonly name: 'AES-GCM'
  readonly iv: Octets
  readonly additionalData: Octets
}

interface Subtle {
  digest(algorithm: 'SHA-256', data: Octets): Promise<ArrayBuffer>
  importKey(format: 'raw', key: Octets, algorithm: 'AES-GCM', extractable: false, usages: ['decrypt']): Promise<unknown>
  decrypt(algorithm: AesGcm, key: unknown, data: Octets): Promise<ArrayBuffer>
}

const { subtle } = (globalThis as unknown as { readonly crypto: { readonly subtle: Subtle } }).crypto

/** SHA-256 of one piece, hex. */
export async function digestHex(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await subtle.digest('SHA-256', octets(bytes))))
}

/** A key that opens what AES-256-GCM sealed; rejects if the seal does not hold. */
export async function importSealKey(
  key: Uint8Array,
): Promise<(sealed: Uint8Array, iv: Octets, additionalData: Octets) => Promise<Uint8Array>> {
  const imported = await subtle.importKey('raw', octets(key), 'AES-GCM', false, ['decrypt'])
  return async (sealed, iv, additionalData) =>
    new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, imported, octets(sealed)))
}

/** WebCrypto takes no view of shared memory; everything else passes without a copy. */
function octets(bytes: Uint8Array): Octets {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Octets) : new Uint8Array(bytes)
}
