/** Names, sentences and thumbnails of the workloads: made-up words with the frequencies of a language. */

import { Buffer } from 'node:buffer'
import { Draws } from './random.ts'

const ONSETS = 'b c d f g h j k l m n p r s t v w br cr dr fl gr pl pr sh sl sp st th tr'.split(' ')
const VOWELS = 'a e i o u ai ea ee ie oo ou'.split(' ')
const CODAS = ['', '', '', 'n', 'r', 's', 't', 'l', 'm', 'nd', 'st', 'ng', 'ck']
const SHORT_WORDS = 60

function inventWords(count: number, seed: string): string[] {
  const draws = new Draws(seed)
  const words = new Set<string>()
  while (words.size < count) {
    const syllables = words.size < SHORT_WORDS ? 1 : 1 + draws.below(3)
    let word = ''
    for (let i = 1; i <= syllables; i++) {
      word += draws.pick(ONSETS) + draws.pick(VOWELS)
      if (i === syllables) word += draws.pick(CODAS)
    }
    words.add(word)
  }
  return [...words]
}

const vocabulary = inventWords(6000, 'vocabulary')
const shares = vocabulary.map((_, rank) => 1 / (rank + 2.7))
const total = shares.reduce((sum, share) => sum + share, 0)
let running = 0
/** Cumulated frequency by rank (Zipf). */
const cumulated = shares.map((share) => {
  running += share
  return running / total
})

export function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

export const GIVEN_NAMES = inventWords(400, 'given').map(capitalize)
export const FAMILY_NAMES = inventWords(1500, 'family').map(capitalize)
export const ORGANISATIONS = inventWords(300, 'orgs').map((word) => `${capitalize(word)} Ltd`)
export const FOLDERS = ['Inbox', 'Work', 'Private', 'Travel', 'Recipes', 'Ideas']
export const LABELS = ['todo', 'family', 'urgent', 'later', 'trip', 'bills']

/** One word; the first of the vocabulary come most often. */
export function drawWord(draws: Draws): string {
  const at = draws.fraction()
  let low = 0
  let high = cumulated.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulated[middle] ?? 1) < at) low = middle + 1
    else high = middle
  }
  return vocabulary[low] ?? ''
}

export function drawSentence(draws: Draws, words: number): string {
  let text = capitalize(drawWord(draws))
  for (let i = 1; i < words; i++) text += (draws.chance(0.06) ? ', ' : ' ') + drawWord(draws)
  return text + draws.pick(['.', '.', '.', '.', '!', '?'])
}

/** Whole sentences of at least `length` characters together. */
export function drawText(draws: Draws, length: number): string {
  let text = ''
  while (text.length < length) text += (text === '' ? '' : ' ') + drawSentence(draws, 4 + draws.below(11))
  return text
}

/** A skewed length with `mean`: many short, few long. */
export function drawLength(draws: Draws, mean: number): number {
  return Math.max(8, Math.floor(mean * 4 * draws.fraction() * draws.fraction()))
}

const THUMBNAIL_HEAD = new Draws('jpeg').octets(320)

/** A picture: a head that all share, then octets that do not compress. */
export function drawThumbnail(draws: Draws, sizeBytes: number): Buffer {
  return Buffer.concat([THUMBNAIL_HEAD, draws.octets(Math.max(64, sizeBytes - THUMBNAIL_HEAD.length))])
}

export function drawPhone(draws: Draws): string {
  return `+${draws.between(1, 99)} ${draws.between(100, 999)} ${draws.between(1000000, 9999999)}`
}
