const pollMs = 250;

/** Asks this process to stop (SIGTERM) as soon as `parent` no longer is its parent, because that one has ended. */
export function stopWithParent(parent: number): void {
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, pollMs);
  watch.unref();
}
