import { tryPort } from '../../standalone/ports.ts';

// Below the range systems hand out by themselves, so nobody takes the port of a server that is down for a moment.
const portMin = 15_000;
const portMax = 32_000;

/** A free loopback port that stays free while the server that has it is down. */
export function freePort(): Promise<number> {
  const port = portMin + Math.floor(Math.random() * (portMax - portMin));
  return tryPort('127.0.0.1', port).catch(freePort);
}
