// Backup and restore in docs/operations.md: the pod is one that an API server takes where Sallyport is installed, in a
// Namespace of Pod Security "restricted", and mounts what the collector does; its command puts the file in its place.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCrds,
  installRolesAndPolicies,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { runProgram } from '../support/cluster/run-program.ts';

const read = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

interface Shown {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly securityContext?: object;
    readonly volumes?: readonly { readonly name: string }[];
    readonly template?: { readonly spec: Shown['spec'] };
  };
}

let controlPlane: ControlPlane;
let yaml: string;
let commands: string;

beforeAll(async () => {
  const [, section = ''] =
    /### Backup and restore\n(.*?)\n### /s.exec(await read('docs/operations.md')) ?? [];
  [, yaml = ''] = /```yaml\n(.*?)```/s.exec(section) ?? [];
  [, commands = ''] = /```\n(kubectl scale .*?)```/s.exec(section) ?? [];
  controlPlane = await startControlPlane();
  await installCrds(controlPlane);
  await installRolesAndPolicies(controlPlane);
  const label = ['label', 'namespace', 'sallyport-system', 'pod-security.kubernetes.io/enforce=restricted'];
  expect(await controlPlane.kubectl(label)).toMatchObject({ code: 0 });
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => controlPlane?.stop());

test('the API server takes the pod, with the admission policies and Pod Security "restricted"', async () => {
  const args = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];
  expect(await controlPlane.kubectl(args, { stdin: yaml })).toMatchObject({
    ...{ code: 0, stderr: '', stdout: 'pod/restore-denials created (server dry run)\n' },
  });
  const privileged = yaml.replace('allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true');
  expect(await controlPlane.kubectl(args, { stdin: privileged })).toMatchObject({ code: 1 });
});

test('the pod has the volume and the user of the collector in the chart', async () => {
  const pod = load(yaml) as Shown;
  const all = loadAll(await read('test/chart/golden/default.yaml')) as readonly Shown[];
  const collector = all.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'sallyport-collector',
  )?.spec.template?.spec;
  expect(pod.spec.volumes).toEqual(collector?.volumes?.filter(({ name }) => name === 'state'));
  expect(pod.spec.securityContext).toEqual(collector?.securityContext);
  for (const [, name] of commands.matchAll(/(?:deployment|pod)[/ ](?!-l)([a-z-]+)/g))
    expect(['sallyport-collector', 'restore-denials']).toContain(name);
});

test.each(['gateway', ''])(
  'the command puts the file into "/state/%s", and takes the old log away',
  async (directory) => {
    const state = await mkdtemp(join(tmpdir(), 'sallyport-restore-'));
    try {
      const place = join(state, directory);
      await mkdir(place, { recursive: true });
      await writeFile(join(place, 'denials.duckdb'), 'old');
      await writeFile(join(place, 'denials.duckdb.wal'), 'old');
      await writeFile(join(state, 'backup'), 'new');
      const [, script = ''] = /exec .* -- sh -ec '([^']+)' <denials\.duckdb$/m.exec(commands) ?? [];
      const local = script.replace('cd /state', `cd ${state}`);
      expect(await runProgram('sh', ['-c', `sh -ec '${local}' <${state}/backup`])).toMatchObject({ code: 0 });
      expect(await readFile(join(place, 'denials.duckdb'), 'utf8')).toBe('new');
      expect(
        (await readdir(place)).filter((name) => name.startsWith('denials') || name === 'restored'),
      ).toEqual(['denials.duckdb']);
    } finally {
      await rm(state, { recursive: true });
    }
  },
);
