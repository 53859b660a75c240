// A copy of the log that is made while rows are stored: what is in it belongs together, and gateways go on with it.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  lineBytes,
  rowsOf,
  sampleBatch,
  sampleDenial,
  withFolder,
} from '../../../../test/fixtures/denial-fixture.ts';
import { runQuery } from '../../query/run-query.ts';
import { backUp } from './backup.ts';
import { DenialStore } from './denial-store.ts';

const GATEWAYS = ['gw-1', 'gw-2', 'gw-3'];

function batchOf(gateway: string, from: number, to: number) {
  const denials = sampleBatch(from, to).denials.map((row, at) => ({
    ...row,
    eventId: `${gateway}/access.log/${(from + at) * lineBytes}`,
  }));
  return { gateway, logFile: 'access.log', upTo: to * lineBytes, denials };
}

async function rowsIn(store: DenialStore) {
  const sql = `select split_part(event_id, '/', 1) as gateway, count(*)::int as rows, count(distinct event_id)::int as ids,
    max(sequence)::int as last, sum(repeats)::int as denials from access.outbound_network group by gateway`;
  const found = rowsOf(await runQuery(store, sql));
  return new Map(found.map((row) => [String(row['gateway']), row]));
}

/** What is in the log belongs together; what gateways have besides is sent from there on. */
async function goOn(restored: DenialStore, sent: ReadonlyMap<string, number>): Promise<void> {
  expect(restored.setAside).toBeUndefined();
  const before = await rowsIn(restored);
  for (const [gateway, all] of sent) {
    const { positions, lastSequence: last } = await restored.progress(gateway);
    expect(before.get(gateway)).toMatchObject({ rows: last, ids: last, last });
    expect(positions.get('access.log')).toBe(last * lineBytes);
    if (all > last) await restored.append(batchOf(gateway, last, all));
  }
  const after = await rowsIn(restored);
  for (const [gateway, all] of sent)
    expect(after.get(gateway)).toMatchObject({ rows: all, ids: all, last: all });
}

test('a backup under load is of one moment, and gateways go on with it without a gap or a repeat', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 3, maxLength: 12 }), (sizes) =>
      withFolder(async (folder) => {
        const store = await DenialStore.open(join(folder, 'denials.duckdb'));
        const sent = new Map(GATEWAYS.map((gateway) => [gateway, 0]));
        const send = async (to: DenialStore, gateway: string, rows: number): Promise<void> => {
          const from = sent.get(gateway) ?? 0;
          await to.append(batchOf(gateway, from, from + rows));
          sent.set(gateway, from + rows);
        };
        for (const gateway of GATEWAYS) await send(store, gateway, 3000);
        const path = join(folder, 'backup.duckdb');
        let isMade = false;
        const backup = backUp(store, path).then(() => (isMade = true));
        for (let at = 0; !isMade || at < sizes.length; at += 1) {
          await send(store, GATEWAYS[at % 3] ?? '', sizes[at % sizes.length] ?? 1);
          const raised = [{ eventId: 'gw-1/access.log/0', eventTime: sampleDenial(0).eventTime, by: 1 }];
          const from = sent.get('gw-1') ?? 0;
          await store.append({ ...batchOf('gw-1', from, from + 1), raised });
          sent.set('gw-1', from + 1);
        }
        await backup;
        await store.close();
        expect((await readdir(folder)).filter((name) => name.startsWith('backup'))).toEqual([
          'backup.duckdb',
        ]);
        const restored = await DenialStore.open(path);
        await goOn(restored, sent);
        await restored.close();
      }),
    ),
    { seed: 20_273, numRuns: 6 },
  ));
