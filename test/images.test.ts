// The image archives of hack/images.sh, read with tar alone: what is in them, how they start, and that they are small.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const MB = 1_000_000;
const run = promisify(execFile);

let folder = '';
let work = '';

beforeAll(async () => {
  folder = (await run('bash', [join(ROOT, 'hack/images.sh')])).stdout.trim();
  work = mkdtempSync(join(tmpdir(), 'images-'));
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
  ['sallyport.tar', 'sallyport/sallyport:0.1.0'],
  ['envoy.tar', 'envoyproxy/envoy:distroless-v1.40.0'],
  ['test-workload.tar', 'sallyport/test-workload:1'],
])('%s', (archive, name) => {
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

  it('is below 200 MB', () => {
    expect(statSync(join(folder, archive)).size).toBeLessThan(200 * MB);
  });
});

describe('the image of the product', () => {
  it('starts by its entrypoint, away from this project', async () => {
    await run('bash', ['-c', 'tar -xOf "$0/sallyport.tar" layer.tar | tar -C "$1" -xf -', folder, work]);
    const { config }: ImageConfig = JSON.parse(await fileOf('sallyport.tar', 'config.json'));
    const [node = '', ...args] = config.Entrypoint.map((part) => part.replace(/^\//, `${work}/`));
    for (const role of ['operator', 'gateway', 'ingress', 'api']) {
      const { stdout } = await run(node, [...args, role, '--help'], { cwd: work });
      expect(stdout).toContain(`Usage: sallyport ${role}`);
    }
  });

  it('lists in its SBOM what is bundled, and none of what is not', () => {
    const { components } = JSON.parse(readFileSync(join(folder, 'sbom.json'), 'utf8'));
    const names: readonly string[] = components.map(({ name }: { readonly name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['@grpc/grpc-js', 'node', 'undici', 'zod']));
    expect(names.filter((name) => /duckdb|jest|typescript/.test(name))).toEqual([]);
  });
});
