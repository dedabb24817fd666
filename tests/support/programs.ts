/**
 * The path of a program, installed with apt-get if need be and may be.
 * @throws saying how to get it, when it is missing and cannot be installed
 */
export async function installedProgram(name: string, debianPackage: string): Promise<string> {
  const present = Bun.which(name);
  if (present) return present;
  const install = await installPackage(debianPackage);
  const installed = Bun.which(name);
  if (!installed) throw new Error(`${name} has to be on the PATH. As root: ${install}`);
  return installed;
}

/** Installs a Debian package when there is apt-get and the right to use it; answers the command that root would use. */
export async function installPackage(debianPackage: string): Promise<string> {
  const install = `apt-get update && apt-get install -y --no-install-recommends ${debianPackage}`;
  const asRoot = process.getuid?.() === 0 ? ['sh', '-c', install] : ['sudo', '-n', 'sh', '-c', install];
  if (Bun.which('apt-get') && Bun.which(asRoot[0] ?? '')) {
    console.log(`Installing ${debianPackage} with apt-get.`);
    const child = Bun.spawn(asRoot, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await child.exited;
  }
  return install;
}
