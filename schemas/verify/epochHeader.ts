/** The header by which a server tells its epoch with every answer. Rule WF-85. */

/** Its value is 32 lower-case hex digits. */
export const EPOCH_HEADER = 'x-nightferry-epoch'
