// The image archives of hack/images.sh, read with tar alone: what is in them, how they start, and that they are small.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import {
  CONTROL_PLANE_TIMEOUT_MS,
  installCollectorRoles,
  installRoles,
  startControlPlane,
} from './support/cluster/control-plane.ts';
import { until } from './support/until.ts';

const ROOT = join(import.meta.dirname, '..');
const MB = 1_000_000;
const run = promisify(execFile);

let folder = '';
let work = '';

beforeAll(async () => {
  folder = (await run('bash', [join(ROOT, 'hack/images.sh')])).stdout.trim();
  work = mkdtempSync(join(tmpdir(), 'images-'));
  const unpack = 'mkdir "$2/$1"; tar -xOf "$0/$1.tar" layer.tar | tar -C "$2/$1" -xf -';
  for (const name of ['sallyport', 'collector']) await run('bash', ['-c', unpack, folder, name, work]);
});

afterAll(() => rmSync(work, { recursive: true }));

interface ImageConfig {
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
  };
}

async function fileOf(archive: string, name: string): Promise<string> {
  return (await run('tar', ['-xOf', join(folder, archive), name])).stdout;
}

/** Mode, owner and path of every file of an image. */
async function filesOf(archive: string): Promise<readonly string[]> {
  const list = 'tar -xOf "$0" layer.tar | tar --numeric-owner -tvf -';
  const { stdout } = await run('bash', ['-c', list, join(folder, archive)], { maxBuffer: 10 * MB });
  return stdout.trim().split('\n');
}

const SHELL_OR_INSTALLER = /\/(?:ba|da|z|k)?sh$|\/(?:busybox|env|npm|npx|apt|dpkg|python\d*)$/;

describe.each([
  ['sallyport.tar', 'sallyport/sallyport:0.1.0', 200],
  ['collector.tar', 'sallyport/collector:0.1.0', 230],
  ['envoy.tar', 'envoyproxy/envoy:distroless-v1.40.0', 200],
  ['test-workload.tar', 'sallyport/test-workload:1', 200],
])('%s', (archive, name, mostMb) => {
  it(`is ${name}, of one layer`, async () => {
    const [image] = JSON.parse(await fileOf(archive, 'manifest.json'));
    expect(image).toMatchObject({ RepoTags: [name], Layers: ['layer.tar'] });
  });

  it('runs as nonroot', async () => {
    const { config }: ImageConfig = JSON.parse(await fileOf(archive, 'config.json'));
    expect(config.User).toBe('65532:65532');
  });

  it('has no shell, no installer, and nothing that its user may change but /tmp', async () => {
    const files = await filesOf(archive);
    expect(files.filter((line) => SHELL_OR_INSTALLER.test(line))).toEqual([]);
    expect(files.filter((line) => !line.includes(' 0/0 '))).toEqual([]);
    expect(files.filter((line) => /^[-d].{7}w/.test(line)).map((line) => line.split(' ').at(-1))).toEqual([
      './tmp/',
    ]);
  });

  it(`is below ${mostMb} MB`, () => {
    expect(statSync(join(folder, archive)).size).toBeLessThan(mostMb * MB);
  });
});

describe.each([
  ['sallyport', ['operator', 'gateway', 'ingress', 'api']],
  ['collector', ['collector']],
])('the image %s', (name, roles) => {
  it('starts by its entrypoint, away from this project', async () => {
    const { config }: ImageConfig = JSON.parse(await fileOf(`${name}.tar`, 'config.json'));
    const [node = '', ...args] = config.Entrypoint.map((part) => part.replace(/^\//, `${work}/${name}/`));
    for (const role of roles) {
      const { stdout } = await run(node, [...args, role, '--help'], { cwd: work });
      expect(stdout).toContain(`Usage: sallyport ${role}`);
    }
  });

  it('lists in its SBOM what is in it, and none of what is not', async () => {
    const { components } = JSON.parse(readFileSync(join(folder, `${name}.sbom.json`), 'utf8'));
    const names: readonly string[] = components.map((one: { readonly name: string }) => one.name);
    expect(names).toEqual(expect.arrayContaining(['@grpc/grpc-js', 'node', 'undici', 'zod']));
    expect(names.includes('@duckdb/node-api')).toBe(name === 'collector');
    expect(names.filter((one) => /jest|typescript/.test(one))).toEqual([]);
    const files = await filesOf(`${name}.tar`);
    expect(files.some((line) => line.includes('duckdb'))).toBe(name === 'collector');
  });
});

describe('the image of the collector', () => {
  it('has DuckDB, with the libraries that it needs', async () => {
    const node = join(work, 'collector/usr/local/bin/node');
    const program = "import('@duckdb/node-api').then(({ version }) => console.log(version()))";
    const { stdout } = await run(node, ['--eval', program], { cwd: join(work, 'collector/app') });
    expect(stdout).toMatch(/^v\d/);
  });

  it(
    'runs as a collector, with a certificate and a database that it has made',
    async () => {
      const controlPlane = await startControlPlane();
      await installRoles(controlPlane);
      await installCollectorRoles(controlPlane);
      const place = [
        '--kubeconfig',
        controlPlane.adminKubeconfig,
        '--state',
        join(controlPlane.folder, 'state'),
      ];
      const args = [
        join(work, 'collector/app/sallyport.mjs'),
        'collector',
        ...place,
        '--port',
        '0',
        '--health-port',
        '0',
      ];
      const collector = spawn(join(work, 'collector/usr/local/bin/node'), args, { cwd: work });
      let log = '';
      for (const output of [collector.stdout, collector.stderr])
        output.on('data', (chunk: Buffer) => {
          log += chunk.toString();
        });
      try {
        await until(
          'it has started, or ended',
          () => log.includes('"started"') || collector.exitCode !== null,
        );
        expect(log).toContain('"started"');
      } finally {
        collector.kill('SIGKILL');
        await controlPlane.stop();
      }
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );
});
