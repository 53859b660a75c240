// Memory and descriptors of Envoy, before attempts and after them. In: a scene. Out: sentences where either
// grew.
import { readdir, readFile } from 'node:fs/promises';
import { until } from '../../support/until.ts';
import type { ProbeScene } from './probe-scene.ts';

export interface Footprint {
  readonly megabytes: number;
  readonly descriptors: number;
}

const MORE_MEGABYTES = 200;
const MORE_DESCRIPTORS = 100;

export async function footprintOf({ fixture }: ProbeScene): Promise<Footprint> {
  const pid = fixture.gateway.envoyPid;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { megabytes: kilobytes / 1024, descriptors: (await readdir(`/proc/${pid}/fd`)).length };
}

/** Connections take a moment to end, so descriptors are waited for. */
export async function faultsOfFootprint(scene: ProbeScene, before: Footprint): Promise<readonly string[]> {
  let now = await footprintOf(scene);
  await until('Envoy has let go of its descriptors', async () => {
    now = await footprintOf(scene);
    return now.descriptors <= before.descriptors + MORE_DESCRIPTORS;
  }).catch(() => undefined);
  const faults: string[] = [];
  if (now.descriptors > before.descriptors + MORE_DESCRIPTORS)
    faults.push(`Envoy has ${now.descriptors} descriptors, after ${before.descriptors}`);
  if (now.megabytes > before.megabytes + MORE_MEGABYTES)
    faults.push(`Envoy has ${now.megabytes.toFixed()} MB, after ${before.megabytes.toFixed()}`);
  return faults;
}
