/** Before `npm test` in a fresh checkout: installs the locked dependencies if there are none. */

import { installIfMissing } from './launch.mjs'

installIfMissing()
