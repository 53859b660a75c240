import { once } from 'node:events';
import { workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { until } from '../../../test/support/until.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { ClusterSource } from './cluster-source.ts';

/** A stub of an API server that has nothing but Namespaces that are labelled as workspaces, and that answers the lists in `held` once they are released. */
class EmptyServer implements KubernetesApi {
  readonly lists = new Set<string>();
  readonly held = new Map<string, Promise<void>>();
  readonly namespaces: string[] = [];

  async request(): Promise<unknown> {
    return {
      apiVersion: 'v1',
      kind: 'APIGroupList',
      groups: [],
      items: [],
      metadata: { resourceVersion: '1' },
    };
  }

  async *stream({ path, query, signal }: Parameters<KubernetesApi['stream']>[0]): AsyncIterable<unknown> {
    const list = `${path} ${query?.['labelSelector'] ?? ''} ${query?.['fieldSelector'] ?? ''}`;
    this.lists.add(list);
    const isList = query?.['sendInitialEvents'] === 'true';
    if (!isList) await once(signal as AbortSignal, 'abort');
    await this.held.get(list);
    if (path === '/api/v1/namespaces') {
      for (const name of this.namespaces) yield { type: 'ADDED', object: workspaceManifest(name) };
    }
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    yield { type: 'BOOKMARK', object: { kind: 'Any', metadata: { resourceVersion: '1', annotations } } };
  }

  async close(): Promise<void> {}
}

async function sourceOf(server: EmptyServer) {
  let changes = 0;
  const source = new ClusterSource({
    api: server,
    systemNamespace: 'sallyport-system',
    canaryNamespace: 'sallyport-canary',
    onChange: () => {
      changes += 1;
    },
    onFailure: ({ error }) => {
      throw error;
    },
  });
  source.start();
  return { source, changes: () => changes };
}

async function allLists(): Promise<readonly string[]> {
  const server = new EmptyServer();
  const { source } = await sourceOf(server);
  await until('all is read', () => source.hasSynced());
  await source.stop();
  return [...server.lists];
}

test('whichever kind is read last, its first reading is a change, since a pass waits for it', async () => {
  const lists = await allLists();
  expect(lists.length).toBeGreaterThan(10);
  for (const list of lists) {
    const server = new EmptyServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.held.set(list, promise);
    const { source, changes } = await sourceOf(server);
    await until(
      'all else is read',
      () => source.progress().filter(({ hasSynced }) => !hasSynced).length === 1,
    );
    const before = changes();
    resolve();
    await until('all is read', () => source.hasSynced());
    expect([list, changes() > before]).toEqual([list, true]);
    await source.stop();
  }
});

test("the installation's own Namespaces are no workspaces, whatever their labels say", async () => {
  const server = new EmptyServer();
  server.namespaces.push('sallyport-system', 'sallyport-canary', 'team-a');
  const { source } = await sourceOf(server);
  await until('all is read', () => source.hasSynced());
  const { state } = source.read();
  await source.stop();
  expect(state.snapshot.objects.map(({ metadata }) => metadata.name)).toEqual(['team-a']);
});
