// envoy.json: which Envoy runs in a directory and what it was started from, so that the next supervisor knows whether
// it may adopt it. Only this file knows the format.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import { DRAIN_TIME_S } from '../../render/envoy/bootstrap.ts';
import { envoyVersion } from './find-envoy.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What an Envoy was started from; an Envoy of another origin is replaced, not adopted. */
export interface EnvoyOrigin {
  /** Of bootstrap.json and the command line. */
  readonly bootstrapHash: string;
  readonly binary: string;
  readonly version: string;
}

export interface EnvoyPidFile extends ProcessIdentity, EnvoyOrigin {}

export function envoyArguments(directory: string, concurrency: number | undefined): string[] {
  return [
    ...[
      '-c',
      join(directory, 'bootstrap.json'),
      '--file-flush-interval-msec',
      '100',
      '--drain-time-s',
      `${DRAIN_TIME_S}`,
    ],
    ...['--disable-hot-restart', '--component-log-level', 'misc:error'],
    // Without it Envoy accepts a resource with an unknown field and only warns: half a rule could be in force.
    '--reject-unknown-dynamic-fields',
    ...(concurrency === undefined ? [] : ['--concurrency', String(concurrency)]),
  ];
}

/** Throws where there is no bootstrap.json or the executable is none. */
export async function wantedOrigin(
  directory: string,
  binary: string,
  args: readonly string[],
): Promise<EnvoyOrigin> {
  const path = join(directory, 'bootstrap.json');
  const bootstrap = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(`Cannot read "${path}": render the bootstrap before Envoy starts`, { cause });
  });
  const bootstrapHash = createHash('sha256')
    .update(JSON.stringify([bootstrap, args]))
    .digest('hex')
    .slice(0, 16);
  return { bootstrapHash, binary, version: await envoyVersion(binary) };
}

export function isSameOrigin(a: EnvoyOrigin, b: EnvoyOrigin): boolean {
  return a.bootstrapHash === b.bootstrapHash && a.binary === b.binary && a.version === b.version;
}

/** Undefined where there is none or it cannot be read as one. */
export async function readPidFile(files: AtomicFiles, path: string): Promise<EnvoyPidFile | undefined> {
  try {
    const parsed = JSON.parse((await files.readIfExists(path)) ?? 'null') as EnvoyPidFile | null;
    return Number.isInteger(parsed?.pid) && Number.isInteger(parsed?.startTicks)
      ? (parsed ?? undefined)
      : undefined;
  } catch {
    return undefined;
  }
}
