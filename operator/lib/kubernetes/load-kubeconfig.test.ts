import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { loadKubeconfig } from './load-kubeconfig.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** With a context, a cluster and a user of each name. */
async function file(path: string, current: string | undefined, ...names: readonly string[]): Promise<string> {
  const config = {
    ...(current === undefined ? {} : { 'current-context': current }),
    clusters: names.map((name) => ({ name, cluster: { server: `https://${path}-${name}.example` } })),
    users: names.map((name) => ({ name, user: { token: `${path}-${name}` } })),
    contexts: names.map((name) => ({ name, context: { cluster: name, user: name } })),
  };
  await writeFile(join(folder, path), JSON.stringify(config));
  return join(folder, path);
}

const serverOf = async (kubeconfig: string, context?: string): Promise<string | undefined> =>
  (await loadKubeconfig({ kubeconfig, context })).getCurrentCluster()?.server;

test('loadKubeconfig() takes the current context, or the one that is named', async () => {
  const path = await file('one', 'a', 'a', 'b');
  expect(await serverOf(path)).toBe('https://one-a.example');
  expect(await serverOf(path, 'b')).toBe('https://one-b.example');
});

test('of several files the first to name something wins, and those that are missing are left out', async () => {
  const paths = [await file('one', undefined, 'a'), join(folder, 'gone'), await file('two', 'b', 'a', 'b')];
  const both = paths.join(delimiter);
  expect(await serverOf(both)).toBe('https://two-b.example');
  expect(await serverOf(both, 'a')).toBe('https://one-a.example');
});

test('loadKubeconfig() says which contexts there are, and what to do without a current one', async () => {
  const path = await file('one', undefined, 'a', 'b');
  await expect(serverOf(path, 'c')).rejects.toThrow(
    `Cannot find context "c" in kubeconfig "${path}": it has "a", "b"`,
  );
  await expect(serverOf(path)).rejects.toThrow('set its current context');
});
