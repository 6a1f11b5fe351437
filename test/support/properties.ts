/**
 * fast-check with a seed of its own, so that `npm test` finds the same in each run and a red run is a change's doing.
 * `NIGHTFERRY_PROPERTIES` is another seed, or `random`, as `npm run test:long` has it: there new cases are looked for.
 */

import fc from 'fast-check'

const wanted = process.env.NIGHTFERRY_PROPERTIES ?? '1'
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted) })

export default fc
