// Before the end-to-end suite: the outside world, a cluster DNS that asks it, the product by its chart, and workspaces.
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubectl, kubectlJson, ROOT, startOnHost } from '../support/nodes/commands.ts';
import { applyWorkspaces, install } from '../support/nodes/installation.ts';
import { addressOf, type Node, routeToPods } from '../support/nodes/outside-routes.ts';
import { reach } from '../support/nodes/reach.ts';
import { NAMES, RESOLVER, TO_NODE } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

export default async function setUp(): Promise<void> {
  const { items: nodes } = await kubectlJson<{ items: readonly Node[] }>(['get', 'node']);
  const [controlPlane = ''] = nodes.map(addressOf);
  const resolver = await startOutside(controlPlane);
  await routeToPods();
  await kubectl(['taint', 'node', '--all', 'node-role.kubernetes.io/control-plane-']).catch(() => undefined);
  await askOutside(resolver);
  const startedMs = performance.now();
  const tell = (what: string): void =>
    void process.stderr.write(
      `${what} ${((performance.now() - startedMs) / 1000).toFixed(1)} s after helm install\n`,
    );
  await install({ 'gateway.resolvers': [resolver] });
  tell('Everything was ready');
  await applyWorkspaces();
  tell('Five workspaces had their clients');
  const denied = { denied: { way: 'proxy', url: 'https://denied.example/' } } as const;
  await until('the first denial', async () => (await reach('ws-a', denied)).denied.startsWith('403'));
  tell('The first denial came');
}

/** Returns "address:port" of the public DNS. */
async function startOutside(controlPlane: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-outside-'));
  const [ready, journal] = [join(folder, 'ready'), join(folder, 'journal')];
  const world = { names: { ...NAMES, [TO_NODE]: controlPlane }, resolver: RESOLVER, ready, journal };
  const program = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(ROOT, 'test/nodes/outside.ts'),
  ];
  const stop = startOnHost([...program, JSON.stringify(world)]);
  process.env['OUTSIDE_JOURNAL'] = journal;
  (globalThis as { stopOutside?: () => void }).stopOutside = stop;
  const readText = (): Promise<string> => readFile(ready, 'utf8').catch(() => '');
  await until('the outside world is there', async () => (await readText()) !== '');
  return await readText();
}

/** Names of the outside are asked of its DNS, and of nobody else. */
async function askOutside(resolver: string): Promise<void> {
  const { data } = await kubectlJson<{ data: { Corefile: string } }>([
    '-n',
    'kube-system',
    'get',
    'cm',
    'coredns',
  ]);
  const Corefile = data.Corefile.replace(/forward \. \S+/, `forward . ${resolver}`);
  if (Corefile === data.Corefile) return;
  await kubectl([
    '-n',
    'kube-system',
    'patch',
    'cm',
    'coredns',
    '--type=merge',
    '-p',
    JSON.stringify({ data: { Corefile } }),
  ]);
  await kubectl(['-n', 'kube-system', 'rollout', 'restart', 'deploy/coredns']);
  await kubectl(['-n', 'kube-system', 'rollout', 'status', 'deploy/coredns', '--timeout=120s']);
}
