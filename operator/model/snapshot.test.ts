import {
  manifest,
  policyManifest,
  readObject,
  readSnapshot,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import {
  compareText,
  EMPTY_SNAPSHOT,
  findObject,
  formatKey,
  isUnreadable,
  keyOf,
  objectsOf,
} from './snapshot.ts';

describe('formatKey()', () => {
  it.each([
    [policyManifest('acme'), 'NetworkPolicy/acme'],
    [workspaceManifest('team-a'), 'Workspace/team-a'],
    [manifest('WorkspaceConf', 'workspace', {}, 'team-a'), 'WorkspaceConf/team-a/workspace'],
  ])('writes the key of %j as %s', (value, key) => {
    expect(formatKey(keyOf(readObject(value)))).toBe(key);
  });
});

describe('objectsOf()', () => {
  it('gives the objects of one kind in order of name, whatever the order of the snapshot', () => {
    const snapshot = readSnapshot(policyManifest('b'), workspaceManifest('team-a'), policyManifest('a'));
    expect(objectsOf(snapshot, 'NetworkPolicy').map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  it('gives nothing of an empty snapshot', () => {
    expect(objectsOf(EMPTY_SNAPSHOT, 'NetworkPolicy')).toEqual([]);
  });
});

describe('findObject()', () => {
  const conf = manifest('WorkspaceConf', 'workspace', {}, 'team-a');
  const snapshot = readSnapshot(policyManifest('acme'), conf);

  it('finds by kind, name and namespace', () => {
    expect(findObject(snapshot, 'NetworkPolicy', 'acme')).toEqual(readObject(policyManifest('acme')));
    expect(findObject(snapshot, 'WorkspaceConf', 'workspace', 'team-a')).toEqual(readObject(conf));
  });

  it('finds nothing of another kind, name or namespace', () => {
    expect(findObject(snapshot, 'Metastore', 'acme')).toBeUndefined();
    expect(findObject(snapshot, 'NetworkPolicy', 'other')).toBeUndefined();
    expect(findObject(snapshot, 'WorkspaceConf', 'workspace', 'team-b')).toBeUndefined();
  });
});

describe('isUnreadable()', () => {
  const snapshot = readSnapshot(
    policyManifest('broken', { restrictionMode: 'NONE' }),
    policyManifest('fine'),
  );

  it.each([
    ['broken', true],
    ['fine', false],
    ['absent', false],
  ])('says of policy %s: %s', (name, expected) => {
    expect(isUnreadable(snapshot, 'NetworkPolicy', name)).toBe(expected);
  });

  it('distinguishes namespaces', () => {
    const broken = manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: 1 }, 'team-a');
    expect(isUnreadable(readSnapshot(broken), 'WorkspaceConf', 'workspace', 'team-a')).toBe(true);
    expect(isUnreadable(readSnapshot(broken), 'WorkspaceConf', 'workspace', 'team-b')).toBe(false);
  });
});

describe('compareText()', () => {
  it('orders by code units, not by locale', () => {
    expect(['b', 'B', 'ä', 'a', '10', '9'].toSorted(compareText)).toEqual(['10', '9', 'B', 'a', 'b', 'ä']);
  });
});
