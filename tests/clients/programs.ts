/** Runs a program to its end; `output` is what it says and what it complains about. */
export async function run(
  command: string[],
  cwd: string,
  settings: Record<string, string> = {},
): Promise<{ exitCode: number; output: string }> {
  const env = { ...process.env, NO_COLOR: '1', ...settings };
  const child = Bun.spawn(command, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, output: stdout + stderr };
}
