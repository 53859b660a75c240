import { join } from 'node:path';
import fc from 'fast-check';
import { lineBytes, rowsOf, sampleDenial, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { inboundBatch } from '../../../../test/fixtures/inbound-fixture.ts';
import { runQuery } from '../../query/run-query.ts';
import { DenialStore } from './denial-store.ts';
import { KnownWorkspaces } from './known-workspaces.ts';

type Step = (store: DenialStore, place: { line: number; inbound: number }) => Promise<unknown>;

const names = fc.array(fc.constantFrom('team-a', 'team-b', 'team-c', 'team-d'), { maxLength: 4 });
/** Each denial is a second after the one before. */
const stored = names.map(
  (workspaces): Step =>
    async (store, place) => {
      const denials = workspaces.map((workspace, at) => sampleDenial(place.line + at, { workspace }));
      place.line += denials.length;
      const batch = { gateway: 'gw-1', logFile: 'access.log', upTo: place.line * lineBytes, denials };
      await store.append(batch);
      // The answer was lost.
      if (denials.length % 2 === 1)
        await store.append({
          ...batch,
          denials: denials.map((row) => ({ ...row, workspace: 'never-stored' })),
        });
    },
);
const storedInbound = fc.constant<Step>(async (store, place) => {
  await store.inbound.append(inboundBatch(place.inbound, place.inbound + 1));
  place.inbound += 1;
});
const failed = fc.constant<Step>((store, { line }) =>
  store
    .append({
      ...{ gateway: 'gw-1', logFile: 'access.log', upTo: (line + 2) * lineBytes },
      denials: [sampleDenial(line + 1, { workspace: 'never-stored' })],
    })
    .catch(() => undefined),
);
const deleted = fc.oneof(
  fc.nat(40).map(
    (line): Step =>
      (store) =>
        store.deleteBefore(new Date(Date.UTC(2026, 0, 1) + line * 1000)),
  ),
  fc.constantFrom(0.1, 0.5, 1).map(
    (share): Step =>
      (store) =>
        store.deleteOldest(share),
  ),
  fc.constant<Step>(async (store) => store.deleteDays(await store.countDays())),
);
const used = fc.constantFrom('team-a', 'team-x', 'team-y').map(
  (workspace): Step =>
    (store) =>
      store.recordUses('gw-1', reportOf(workspace)),
);
function reportOf(workspace: string) {
  const time = new Date().toISOString();
  const entry = {
    ...{ list: 'allowedInternetDestinations' as const, entry: '*.example.com', since: time },
    ...{ connections: 0, firstUsed: null, lastUsed: null },
  };
  const policies = [{ policy: 'shared', workspace, entries: [entry] }];
  return { time, state: 'COUNTING' as const, missedUntil: null, policies };
}
const step = fc.oneof({ weight: 4, arbitrary: stored }, storedInbound, failed, deleted, used);

const ALL = `select distinct workspace from (
  from access.outbound_network select workspace union all from access.inbound_network select workspace
  union all from access.entry_uses select workspace) where workspace is not null`;

test('workspaces of a log are those of its rows, whatever was stored and deleted meanwhile', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) =>
      withFolder(async (folder) => {
        const store = await DenialStore.open(join(folder, 'denials.duckdb'));
        const place = { line: 0, inbound: 0 };
        for (const take of steps) {
          // Asked while it changes, too: then of before or of after.
          await Promise.all([take(store, place), store.workspaces()]);
          const expected = rowsOf(await runQuery(store, ALL)).map(({ workspace }) => String(workspace));
          expect((await store.workspaces()).toSorted()).toEqual(expected.toSorted());
        }
        await store.close();
      }),
    ),
    { seed: 20_284, numRuns: 40 },
  ));

test('they are read once, again after a deletion, and again after a failure', async () => {
  const answers = [['a'], new Error('no memory'), ['b']];
  let reads = 0;
  const known = new KnownWorkspaces(async () => {
    const answer = answers[reads] ?? [];
    reads += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  expect(await known.all()).toEqual(['a']);
  known.add([{ workspace: 'c' }, { workspace: null }, { workspace: 'a' }]);
  expect(await known.all()).toEqual(['a', 'c']);
  expect(reads).toBe(1);
  known.forget();
  await expect(known.all()).rejects.toThrow('no memory');
  expect(await known.all()).toEqual(['b']);
  expect(reads).toBe(3);
});
