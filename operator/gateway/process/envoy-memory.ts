// How much memory Envoy may use: the configured number, or a share of the available memory.
import { totalmem } from 'node:os';
import { ENVOY_MEMORY_SHARE, LEAST_ENVOY_MEMORY_MB } from '../../model/limits.ts';

const MB = 1024 * 1024;

/** Of the container where it has a limit (cgroup v1 and v2), else of the machine. */
function bytesOfContainer(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

export function envoyMemoryBytes(wantedMb: number | undefined, thereAre = bytesOfContainer()): number {
  if (wantedMb !== undefined) return wantedMb * MB;
  return Math.max(LEAST_ENVOY_MEMORY_MB * MB, Math.floor(thereAre * ENVOY_MEMORY_SHARE));
}
