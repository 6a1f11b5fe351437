/** How a user's choice travels. Rule WF-39. */

import { expect, it } from 'vitest'
import {
  BACKUP_METHODS,
  DEFAULT_CHOICE,
  formatChoiceEmi,
  parseChoiceEmi,
  TIME_MACHINE_CHOICES,
} from '../../schemas/backupChoice.ts'

it('[WF-39] every choice but the default is written, and read as it was meant', () => {
  for (const method of BACKUP_METHODS)
    for (const timeMachine of TIME_MACHINE_CHOICES) {
      const text = formatChoiceEmi({ method, timeMachine })
      expect(text === undefined ? DEFAULT_CHOICE : parseChoiceEmi(text)).toEqual({ method, timeMachine })
    }
  expect(formatChoiceEmi(DEFAULT_CHOICE)).toBeUndefined()
})

it.each([
  '',
  'nightferry-backup=',
  'nightferry-backup=delta',
  'nightferry-backup=delta;on;x',
  'nightferry-backup=all;on',
])('[WF-39] "%s" says nothing', (text) => expect(parseChoiceEmi(text)).toBeUndefined())
