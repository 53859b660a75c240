// Pods that are applied in the same second as the Namespace that is their workspace, and that try to get out from their
// first millisecond: a Deployment, a Job and a bare pod in each. BIRTHS is how many workspaces.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apply, kubectl, ROOT, tryKubectl } from '../support/nodes/commands.ts';
import { type Pod, pods } from '../support/nodes/pods.ts';
import { arrivals } from '../support/nodes/reach.ts';
import { WORKLOAD_IMAGE, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const BIRTHS = Number(process.env['BIRTHS'] ?? 3);
const SECONDS = 8;
const names = Array.from({ length: BIRTHS }, (_, at) => `born-${at + 1}`);

afterAll(async () => {
  await tryKubectl(['delete', 'namespace', '--wait=false', '--ignore-not-found', ...names]);
});

function podTemplate(program: string): object {
  return {
    metadata: { labels: { app: 'born' } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'burst',
          image: WORKLOAD_IMAGE,
          command: ['node', '--input-type=module', '--eval', program, String(SECONDS)],
        },
      ],
    },
  };
}

function births(namespace: string, id: number, program: string): string {
  const template = podTemplate(program) as { metadata: object; spec: object };
  const deployment = { ...template, spec: { ...template.spec, restartPolicy: 'Always' } };
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bare', namespace, labels: { app: 'born' } },
      spec: template.spec,
    },
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job', namespace }, spec: { template } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'deployment', namespace },
      spec: { selector: { matchLabels: { app: 'born' } }, template: deployment },
    },
  ];
  return workspace(namespace, id, 'policy-a') + objects.map((one) => JSON.stringify(one)).join('\n---\n');
}

async function born(namespace: string): Promise<readonly Pod[]> {
  return (await pods(namespace, 'app=born')).filter(({ status }) => status.phase === 'Running');
}

test('no pod gets out, from its first millisecond on', async () => {
  const program = await readFile(join(ROOT, 'test/nodes/pod/burst.mjs'), 'utf8');
  const before = (await arrivals()).length;
  // A bare pod is refused until its isolation is there, and said to be; whoever applies it again succeeds.
  await Promise.all(
    names.map((name, at) =>
      until(`${name} has its pods`, async () =>
        apply(births(name, 100 + at, program)).then(
          () => true,
          () => false,
        ),
      ),
    ),
  );
  const addresses = new Set<string>();
  for (const name of names) {
    await until(`the three pods of ${name} run`, async () => (await born(name)).length === 3);
    for (const pod of await born(name)) {
      expect(pod.metadata.labels).toMatchObject({ 'sallyport.dev/lane': 'enforced' });
      addresses.add(pod.status.podIP ?? '');
      const said = (): Promise<string> => kubectl(['-n', name, 'logs', pod.metadata.name]);
      await until(`${pod.metadata.name} of ${name} has tried`, async () => (await said()) !== '');
      const report = JSON.parse(await said()) as { tried: number; open: number };
      expect(report.tried).toBeGreaterThan(100);
      expect(report.open).toBe(0);
    }
  }
  const leaks = (await arrivals()).slice(before).filter(({ peer }) => addresses.has(peer));
  expect(leaks).toEqual([]);
});
