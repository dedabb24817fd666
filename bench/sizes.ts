/** How much a run measures. */
export type Sizes = {
  rounds: number;
  secondsPerRun: number;
  warmUpSeconds: number;
  /** Between two runs. */
  settleMs: number;
  /** How long the machine is watched before a round, and how long it may take to calm down. */
  watchMs: number;
  patienceSeconds: number;
  connections: number;
  backlogOrders: number;
  backlogMails: number;
  starts: number;
  memorySeconds: number;
};

/** The load that the targets are about. */
export const targetConnections = 50;

const full: Sizes = {
  rounds: 5,
  secondsPerRun: 3,
  warmUpSeconds: 2,
  settleMs: 300,
  watchMs: 1_000,
  patienceSeconds: 120,
  connections: targetConnections,
  backlogOrders: 500_000,
  backlogMails: 20_000,
  starts: 5,
  memorySeconds: 60,
};

/** `full` is what may be written down; `quick` tells the direction; `smoke` shows only that everything works. */
export const allSizes = {
  full,
  quick: {
    ...full,
    rounds: 2,
    secondsPerRun: 1,
    warmUpSeconds: 1,
    watchMs: 300,
    patienceSeconds: 20,
    backlogOrders: 50_000,
    backlogMails: 3_000,
    starts: 3,
    memorySeconds: 10,
  },
  smoke: {
    ...full,
    rounds: 2,
    secondsPerRun: 1,
    warmUpSeconds: 0,
    patienceSeconds: 0,
    connections: 2,
    backlogOrders: 3_000,
    backlogMails: 200,
    starts: 1,
    memorySeconds: 1,
  },
} satisfies Record<string, Sizes>;

export type SizeName = keyof typeof allSizes;
