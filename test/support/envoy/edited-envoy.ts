// Envoy alone, from the files that the product wrote, after a test has edited them: for what its own settings keep out
// of reach. In: a gateway, which is stopped for it. Out: the Envoy, to be stopped before the fixture is.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EnvoyProcess } from '../../../operator/gateway/process/envoy-process.ts';
import { envoyBinary } from '../../../operator/gateway/process/find-envoy.ts';
import { type StatePaths, statePaths } from '../../../operator/gateway/state/state-directory.ts';
import * as atomicFiles from '../../../operator/lib/atomic-file.ts';
import type { GatewayFixture } from './gateway-fixture.ts';

/** By path below Envoy's directory: its text -> the edited one, which must be another. */
export type Edits = Readonly<Record<string, (text: string) => string>>;

export async function startEditedEnvoy(fixture: GatewayFixture, edits: Edits): Promise<EnvoyProcess> {
  await fixture.stopGateway();
  const { envoy: directory } = pathsOf(fixture);
  for (const [file, edit] of Object.entries(edits)) {
    const text = await readFile(join(directory, file), 'utf8');
    const edited = edit(text);
    if (edited === text) throw new Error(`Nothing was edited in ${file}`);
    await writeFile(join(directory, file), edited);
  }
  const binary = await envoyBinary(process.env['PATH'] ?? '');
  const envoy = new EnvoyProcess({ directory, binary, files: atomicFiles, concurrency: 1 });
  await envoy.start();
  return envoy;
}

export function pathsOf(fixture: GatewayFixture): StatePaths {
  return statePaths(join(dirname(fixture.folder), 'state'));
}
