/** All modes of SyncEvolution in XML and basic. */

import { testModes } from './syncEvolutionModes.ts'

testModes('XML and basic', { WBXML: '0', AUTH: 'basic' })
