// Envoy opens one inotify instance for each route table it subscribes to, and aborts as a whole when the kernel has
// none left for its user. So tables beyond the limit must not reach it. Reads /proc only.
import { readFile } from 'node:fs/promises';

// Two for LDS and CDS, one for our own log tail, the rest for whoever shares the user.
const RESERVED = 12;

/** How many route tables Envoy may subscribe to on this machine; unlimited where the kernel does not say. */
export async function routeTableLimit(path = '/proc/sys/fs/inotify/max_user_instances'): Promise<number> {
  const limit = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : Math.max(0, limit - RESERVED);
}

export function routeTableLimitProblem(table: string, limit: number): string {
  return `Cannot watch route table "${table}": this machine allows ${limit} tables, raise fs.inotify.max_user_instances`;
}
