// Preloaded into every program that `start` runs, so that none outlives a `start` that was killed.
import { stopWithParent } from './parent.ts';

stopWithParent(Number(process.env.SHOP_SUPERVISOR_PID));
