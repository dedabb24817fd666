import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';

/** What may wait to be written, about. */
const waitingBytesMax = 128 * 1024;
/** How soon it is tried again where there was no room, at first and in the end. */
const retryMs = { min: 1, max: 32 };
const exitWaitMsMax = 100;
const stdout = 1;
/** Deno does not say how much it has written before there was no room; a piece of this size a pipe takes whole or not. */
const pieceBytesMax = process.versions.deno ? 4_096 : Number.POSITIVE_INFINITY;

let dropped = 0;

/** Lines that this process has dropped since its start. */
export function droppedLogLines(): number {
  return dropped;
}

/**
 * Opens the standard output for a log, of which nothing ever waits for a reader or a disk: lines that find no room are
 * dropped, and `onRoom` hears how many once there is some. Lines of one turn of the event loop are written together,
 * because a write for each would be a sixth of what a cached list costs. A process that is killed loses the lines of its
 * last turn; one that ends waits 100 ms at most to write them.
 */
export function openLogOutput(onRoom: (lines: number) => void): { write: (line: string) => void } {
  const output = openNonBlocking();
  let lines = '';
  let unwritten = Buffer.alloc(0);
  let untold = 0;
  let planned = false;
  /** Since the last attempt that found no room; 0 means that there was some. */
  let pauseMs = 0;

  function writeOnce(): void {
    if (unwritten.length === 0) {
      unwritten = Buffer.from(lines);
      lines = '';
    }
    let written = 0;
    try {
      while (written < unwritten.length) {
        written += writeSync(output.fd, unwritten, written, Math.min(pieceBytesMax, unwritten.length - written));
      }
    } catch {
      // A full pipe, a full disk, a reader that is gone: whatever it is may pass.
    }
    unwritten = unwritten.subarray(written);
    if (unwritten.length === 0) pauseMs = 0;
    else pauseMs = written > 0 ? retryMs.min : Math.min(2 * pauseMs || retryMs.min, retryMs.max);
    if (unwritten.length > 0 || untold === 0) return;
    const count = untold;
    untold = 0;
    onRoom(count);
  }

  function writeLines(): void {
    planned = false;
    if (hasLines()) writeOnce();
    if (hasLines()) plan();
  }

  function plan(): void {
    if (planned) return;
    planned = true;
    if (pauseMs === 0) setImmediate(writeLines);
    else setTimeout(writeLines, pauseMs).unref();
  }

  const hasLines = () => lines !== '' || unwritten.length > 0;
  const isFull = (line: string) => unwritten.length + lines.length + line.length > waitingBytesMax;

  process.on('exit', () => {
    const until = performance.now() + exitWaitMsMax;
    const clock = new Int32Array(new SharedArrayBuffer(4));
    if (hasLines()) writeOnce();
    while (hasLines() && performance.now() < until) {
      Atomics.wait(clock, 0, 0, retryMs.min);
      writeOnce();
    }
  });
  return {
    write: (line) => {
      if (isFull(line) && pauseMs === 0) writeOnce();
      if (isFull(line)) {
        dropped += 1;
        untold += 1;
        return;
      }
      lines += line;
      plan();
    },
  };
}

/** The standard output, so that a write never waits; `keep` has to live as long. */
function openNonBlocking(): { fd: number; keep?: unknown } {
  try {
    // Where the file was opened is where all who have it go on writing, and a file makes nobody wait for a reader.
    if (fstatSync(stdout).isFile()) return { fd: stdout };
    // A door of our own, because non-blocking is a state of the door: others who write here may not expect it.
    return { fd: openSync(`/proc/self/fd/${stdout}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY) };
  } catch {
    // A socket, another user's pipe, or no Linux. Runtimes make it non-blocking when they open a stream on it.
    return { fd: stdout, keep: process.versions.deno ? new Socket({ fd: stdout, readable: false }) : process.stdout };
  }
}
