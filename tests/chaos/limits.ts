import { busyness } from '../support/wait.ts';

/** What the shop promises about time, in ms. */
export type Limits = {
  /** From the end of a fault until all goes on as before. */
  recoveryMs: number;
  /** Until another server that has taken over serves all. */
  takeoverMs: number;
  /** An order, when nothing or only Redis is down. */
  orderMs: number;
  /** 503, when Postgres is out of reach. */
  unavailableMs: number;
  /** A 503 that took this long may mean that the machine was busy, where that is allowed for. */
  starvedMs: number;
  /** A step of an order after it was due. */
  latenessMs: number;
  /** A mail after its status, even when workers and Redis fail. */
  mailMs: number;
  /** A mail after its status, when mail server or Postgres were away, too; and all that is left when the load ends. */
  settledMs: number;
  /** Recording that a mail was accepted. A worker that is killed before makes it go out again. */
  recordingMs: number;
};

/** The promises, made `patience` times longer for a machine that has other work to do. */
export function limitsWith(patience: number): Limits {
  return {
    recoveryMs: 10_000 * patience,
    takeoverMs: 5_000 * patience,
    orderMs: 1_000 * patience,
    unavailableMs: 5_000 * patience,
    // The deadline of a request is 4.5 s, but an order shares that of the first one of its batch.
    starvedMs: patience > 1 ? 2_000 : Number.POSITIVE_INFINITY,
    latenessMs: 2_000 * patience,
    mailMs: 30_000 * patience,
    settledMs: 60_000 * patience,
    recordingMs: 2_000 * patience,
  };
}

/** The patience for a machine that runs other suites at the same time. */
export function patienceBesideOthers(): number {
  return Math.max(4, Math.ceil(busyness()));
}
