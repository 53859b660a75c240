// The samples of one metric, as a role's registry writes them.
import type { Registry } from 'prom-client';

/** Without those of its buckets. */
export async function samplesOf(registry: Registry, name: string): Promise<readonly string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}
