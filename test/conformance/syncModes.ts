/**
 * One dialogue for each sync mode, as data: what the client says, and what the server must answer (reference 3.3).
 * Commands are abbreviated: `Alert 201`, `Sync [Add 1, Delete 2]`, `Map g1`, `Status` (for everything received).
 */

export interface Step {
  readonly client: readonly string[]
  /** `Cmd:code` of the Statuses, in order, after the SyncHdr's. */
  readonly statuses: readonly string[]
  /** Commands of the server beside Statuses. */
  readonly server: readonly string[]
  readonly final: boolean
}

export interface ModeDialogue {
  readonly mode: string
  readonly last?: string
  /** What the server has for the client. */
  readonly offered: readonly string[]
  readonly steps: readonly Step[]
  /** What the datastore was told, and what the client took. */
  readonly events: readonly string[]
  readonly acknowledged: readonly string[]
}

const closing: Step = { client: ['Status'], statuses: [], server: [], final: true }

export const syncModes: readonly ModeDialogue[] = [
  {
    mode: 'two-way (200)',
    last: '1',
    offered: ['g1'],
    steps: [
      { client: ['Alert 200'], statuses: ['Alert:200'], server: ['Alert 200'], final: true },
      {
        client: ['Status', 'Sync [Replace 5, Delete 6, Add 7]'],
        statuses: ['Sync:200', 'Replace:201', 'Delete:211', 'Add:201'],
        server: ['Sync [Add g1]'],
        final: true,
      },
      { client: ['Status', 'Map g1'], statuses: ['Map:200'], server: [], final: true },
    ],
    events: ['put 5', 'delete 6', 'put 7', 'finish'],
    acknowledged: ['g1'],
  },
  {
    mode: 'slow (201)',
    offered: ['g1', 'g2'],
    steps: [
      { client: ['Alert 201'], statuses: ['Alert:200'], server: ['Alert 201'], final: true },
      {
        client: ['Status', 'Sync [Add 1]'],
        statuses: ['Sync:200', 'Add:201'],
        server: ['Sync [Add g1, Add g2]'],
        final: true,
      },
      { client: ['Status', 'Map g1 g2'], statuses: ['Map:200'], server: [], final: true },
    ],
    events: ['put 1', 'finish'],
    acknowledged: ['g1', 'g2'],
  },
  {
    mode: 'one-way from client (202)',
    last: '1',
    offered: ['g1'],
    steps: [
      { client: ['Alert 202'], statuses: ['Alert:200'], server: ['Alert 202'], final: true },
      {
        client: ['Status', 'Sync [Replace 1]'],
        statuses: ['Sync:200', 'Replace:201'],
        server: ['Sync []'],
        final: true,
      },
      closing,
    ],
    events: ['put 1', 'finish'],
    acknowledged: [],
  },
  {
    mode: 'one-way from client (202) with a foreign anchor',
    last: '99',
    offered: [],
    steps: [
      {
        client: ['Alert 202', 'Sync [Replace 1]'],
        statuses: ['Alert:508', 'Sync:514', 'Replace:514'],
        server: ['Alert 203'],
        final: true,
      },
      { client: ['Status', 'Sync [Add 1]'], statuses: ['Sync:200', 'Add:201'], server: ['Sync []'], final: true },
      closing,
    ],
    events: ['put 1', 'finish'],
    acknowledged: [],
  },
  {
    mode: 'refresh from client (203)',
    offered: ['g1'],
    steps: [
      { client: ['Alert 203'], statuses: ['Alert:200'], server: ['Alert 203'], final: true },
      {
        client: ['Status', 'Sync [Add 1, Add 2]'],
        statuses: ['Sync:200', 'Add:201', 'Add:201'],
        server: ['Sync []'],
        final: true,
      },
      closing,
    ],
    events: ['put 1', 'put 2', 'finish'],
    acknowledged: [],
  },
  {
    mode: 'one-way from server (204)',
    last: '1',
    offered: ['g1'],
    steps: [
      { client: ['Alert 204'], statuses: ['Alert:200'], server: ['Alert 204'], final: true },
      {
        client: ['Status', 'Sync [Add 1]'],
        statuses: ['Sync:200', 'Add:403'],
        server: ['Sync [Add g1]'],
        final: true,
      },
      { client: ['Status', 'Map g1'], statuses: ['Map:200'], server: [], final: true },
    ],
    events: ['finish'],
    acknowledged: ['g1'],
  },
  {
    mode: 'refresh from server (205), all in one package',
    offered: ['g1'],
    steps: [
      {
        client: ['Alert 205', 'Sync []'],
        statuses: ['Alert:200', 'Sync:200'],
        server: ['Alert 205', 'Sync [Add g1]'],
        final: true,
      },
      { client: ['Status'], statuses: [], server: [], final: true },
    ],
    events: ['finish'],
    acknowledged: ['g1'],
  },
  {
    mode: 'resume (225) of one object, which cannot be gone on with',
    last: '1',
    offered: [],
    steps: [{ client: ['Alert 225'], statuses: ['Alert:406'], server: [], final: true }],
    events: [],
    acknowledged: [],
  },
]
