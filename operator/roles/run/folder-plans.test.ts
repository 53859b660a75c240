import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Manifest,
  manifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { FolderPlans } from './folder-plans.ts';

const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const MINUTE_MS = 60_000;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'folder-plans-'));
  path = join(folder, 'plans.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

function snapshotOf(address: string, annotations: Readonly<Record<string, string>> = {}) {
  const list = manifest(
    'IpAccessList',
    'office',
    { label: 'o', listType: 'ALLOW', ipAddresses: [address] },
    'team',
  );
  const annotated: Manifest = { ...list, metadata: { ...list.metadata, annotations } };
  const conf = manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: true }, 'team');
  return readSnapshot(workspaceManifest('team'), conf, annotated);
}

function addresses(plans: FolderPlans): string | undefined {
  return plans.current?.[0]?.spec.lists[0]?.ipAddresses.join();
}

const WITHIN = { 'sallyport.dev/confirm-within': '10m' };

it('takes back what nobody confirmed, also in the next process', async () => {
  const plans = await FolderPlans.open(path);
  plans.compile(snapshotOf('192.0.2.7'), AT_MS);
  const tried = plans.compile(snapshotOf('198.51.100.1', WITHIN), AT_MS);
  expect([addresses(plans), tried.changesAtMs]).toEqual(['198.51.100.1', AT_MS + 10 * MINUTE_MS]);
  expect(await plans.save(AT_MS)).toBeUndefined();
  const next = await FolderPlans.open(path);
  next.compile(snapshotOf('198.51.100.1', WITHIN), AT_MS + 9 * MINUTE_MS);
  expect(addresses(next)).toBe('198.51.100.1');
  next.compile(snapshotOf('198.51.100.1', WITHIN), AT_MS + 10 * MINUTE_MS);
  expect(addresses(next)).toBe('192.0.2.7');
});

it('does not let a file shut out who changed lists by the API, also in the next process', async () => {
  const plans = await FolderPlans.open(path);
  plans.compile(snapshotOf('192.0.2.7'), AT_MS);
  plans.administrators.note({ namespace: 'team', address: '192.0.2.7', user: 'ana' }, AT_MS);
  await plans.save(AT_MS);
  const next = await FolderPlans.open(path);
  const { problems } = next.compile(snapshotOf('198.51.100.1'), AT_MS + MINUTE_MS);
  expect(problems.map(({ reason }) => reason)).toEqual(['WouldLockOut']);
  expect(addresses(next)).toBe('192.0.2.7');
});

it('gives the very same plans while nothing changes', async () => {
  const plans = await FolderPlans.open(path);
  const snapshot = snapshotOf('192.0.2.7');
  plans.compile(snapshot, AT_MS);
  plans.compile(snapshot, AT_MS + 1);
  const { current } = plans;
  plans.compile(snapshot, AT_MS + 2);
  expect(plans.current).toBe(current);
});

it.each(['', '{', '[]', '{"plans":[{}],"callers":[]}'])('begins anew with the file %j', async (text) => {
  writeFileSync(path, text);
  const plans = await FolderPlans.open(path);
  plans.compile(snapshotOf('192.0.2.7'), AT_MS);
  expect(addresses(plans)).toBe('192.0.2.7');
});
