// How many connections the descriptors of this process allow; Envoy inherits its limit. Node.js has raised the soft
// limit to the hard one when it started.
import { readFile } from 'node:fs/promises';
import { CONNECTIONS_PER_DESCRIPTOR, MAX_CONNECTIONS, RESERVED_DESCRIPTORS } from '../../model/limits.ts';

export interface Descriptors {
  readonly limit: number;
  /** Connections that the gateway accepts in all. */
  readonly connections: number;
}

/** Throws where there are too few for any connection. */
export async function descriptorsOfProcess(limitsFile = '/proc/self/limits'): Promise<Descriptors> {
  const limit = descriptorLimit(await readFile(limitsFile, 'utf8'));
  const allowed = Math.floor((limit - RESERVED_DESCRIPTORS) * CONNECTIONS_PER_DESCRIPTOR);
  if (allowed < 1) {
    throw new Error(
      `Cannot serve connections with ${limit} file descriptors: raise the limit (ulimit -n) above ${RESERVED_DESCRIPTORS}, better to 1048576`,
    );
  }
  return { limit, connections: Math.min(MAX_CONNECTIONS, allowed) };
}

function descriptorLimit(text: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft ?? Number.NaN);
}

/** A warning where there are fewer than there could be. */
export function descriptorNotes({ limit, connections }: Descriptors): readonly string[] {
  if (connections === MAX_CONNECTIONS) return [];
  const wanted = Math.ceil(MAX_CONNECTIONS / CONNECTIONS_PER_DESCRIPTOR) + RESERVED_DESCRIPTORS;
  return [
    `${limit} file descriptors allow ${connections} connections instead of ${MAX_CONNECTIONS}: raise the limit (ulimit -n) to ${wanted}`,
  ];
}
