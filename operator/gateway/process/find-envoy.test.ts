import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoyBinary, envoyVersion } from './find-envoy.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-find-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function fakeEnvoy(version: string): Promise<string> {
  const path = join(directory, 'envoy');
  await writeFile(path, `#!/bin/sh\necho "envoy  version: 0123abc/${version}/Clean/RELEASE/BoringSSL"\n`);
  await chmod(path, 0o755);
  return path;
}

test('envoyBinary() takes the one on PATH when it is new enough', async () => {
  const path = await fakeEnvoy('1.41.2');
  expect(await envoyBinary(`/nowhere:${directory}`)).toBe(path);
});

test('envoyBinary() compares versions as numbers and passes by an Envoy that is too old', async () => {
  await fakeEnvoy('1.9.0');
  const found = await envoyBinary(directory);
  expect(found).not.toContain(directory);
});

test('envoyBinary() falls back to the pinned Envoy, which says a version of at least 1.40', async () => {
  expect(await envoyVersion(await envoyBinary('/nowhere'))).toMatch(/^1\.[4-9]\d\.\d+$/);
});

test('envoyVersion() quotes what a program said that is not Envoy', async () => {
  await writeFile(join(directory, 'envoy'), '#!/bin/sh\necho hello\n');
  await chmod(join(directory, 'envoy'), 0o755);
  await expect(envoyVersion(join(directory, 'envoy'))).rejects.toThrow('said "hello": want Envoy');
});
