import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { ACCESS_CHANGE } from '../../model/access-annotations.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { ObjectStore } from './object-store.ts';
import { parsedItem } from './parsed-item.ts';

let versions = 0;

function conf(annotations: Readonly<Record<string, string>> | undefined, spec = {}): KubernetesObject {
  versions += 1;
  const identity = { name: 'workspace', namespace: 'team', uid: 'u', resourceVersion: String(versions) };
  const metadata = annotations === undefined ? identity : { ...identity, annotations };
  return { apiVersion: API_VERSION, kind: 'WorkspaceConf', metadata, spec };
}

test('a change of lists over REST that only locks and unlocks the WorkspaceConf is no change', () => {
  const store = new ObjectStore(parsedItem, (error) => {
    throw error;
  });
  expect(store.put(conf(undefined))).toBe(true);
  const before = store.items();
  expect(store.put(conf({ [ACCESS_CHANGE]: '1 x' }))).toBe(false);
  expect(store.put(conf({}))).toBe(false);
  expect(store.put(conf({ [ACCESS_CHANGE]: '2 y' }))).toBe(false);
  expect(store.items()).toBe(before);
});

test('any other change of it is one, also under the lock', () => {
  const store = new ObjectStore(parsedItem, (error) => {
    throw error;
  });
  store.put(conf(undefined));
  const locked = { [ACCESS_CHANGE]: '1 x' };
  expect(store.put(conf({ ...locked, 'sallyport.dev/confirm-within': '10m' }))).toBe(true);
  expect(store.put(conf(locked))).toBe(true);
  expect(store.put(conf(locked, { enableIpAccessLists: true }))).toBe(true);
  expect(store.put(conf(undefined, { enableIpAccessLists: false }))).toBe(true);
});
