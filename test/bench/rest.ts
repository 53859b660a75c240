// REST API: time from its answer to a changed access list until the ingress gateway obeys, with 200 workspaces, and 200
// clients at once; in a cluster, with each role a process of its own, and in `sallyport run` over a folder.
import { type BenchReport, type BenchSettings, figure } from './bench-report.ts';
import { workspaceNames } from './cluster-objects.ts';
import { changeLists } from './list-changer.ts';
import { runCrowd } from './rest-crowd.ts';
import { type RestFindings, restReport } from './rest-report.ts';
import { type RestSystem, startCluster, startFolder } from './rest-system.ts';
import { median, percentile } from './statistics.ts';

const WORKSPACES = 200;
const CHANGES = 120;
const CLIENTS = 200;

export async function benchRest(settings: BenchSettings): Promise<BenchReport> {
  const { say, work, isQuick } = settings;
  const names = workspaceNames(WORKSPACES * (isQuick ? 0.1 : 1));
  say('Starting a control plane, the operator, an ingress gateway and the API');
  const cluster = await measure(settings, names, await startCluster(work, names));
  say('Starting "sallyport run"');
  const folder = await measure(settings, names, await startFolder(work, names));
  return restReport([cluster, folder]);
}

async function measure(
  { say, isQuick }: BenchSettings,
  names: readonly string[],
  system: RestSystem,
): Promise<RestFindings> {
  const share = isQuick ? 0.1 : 1;
  const count = CHANGES * share;
  const clients = CLIENTS * share;
  try {
    say(`${count} changes with ${names.length} workspaces`);
    const changes = await changeLists(system, names, count);
    const obeyed = changes.map(({ enforcedMs }) => enforcedMs);
    say(`Obeyed ${figure(median(obeyed))} ms after the answer (p99 ${figure(percentile(obeyed, 99))} ms)`);
    say(`${clients} clients in one workspace`);
    const one = await runCrowd(system, clients, () => names[0] ?? '');
    say(`${figure(one.answersPerSecond)} answers per second; ${clients} clients in as many workspaces`);
    const many = await runCrowd(system, clients, (client) => names[client % names.length] ?? '');
    say(`${figure(many.answersPerSecond)} answers per second`);
    return { name: system.name, workspaces: names.length, changes, one, many };
  } finally {
    await system.stop();
  }
}
