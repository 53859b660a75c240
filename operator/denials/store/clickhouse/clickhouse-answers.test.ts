// The questions of the plugin and of suggest, asked of ClickHouse and of DuckDB with the same generated rows.
import { join } from 'node:path';
import fc from 'fast-check';
import { lineBytes, sampleDenial, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { withClickhouse } from '../../../../test/support/clickhouse-fixture.ts';
import { visibleRows } from '../../../../test/support/visible-rows.ts';
import type { Denial } from '../../../model/denial.ts';
import {
  selectDenials,
  selectDeniedTraffic,
  selectHistogram,
  selectLast,
  selectNames,
  selectTop,
  selectWorkspaces,
} from '../../query/select-denials.ts';
import { DenialStore } from '../duckdb/denial-store.ts';
import { queriedDenials } from '../duckdb/queried-denials.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const DAY_MS = 86_400_000;

const text = fc.oneof(
  fc.constantFrom('', 'null', '\\N', '\u0000', "'; DROP TABLE x --", '{p: String}', 'a\tb\nc', '\u{1f600}ö'),
  fc.string({ maxLength: 20 }),
);
const row = fc.record({
  workspace: fc.constantFrom('team-a', 'team-b'),
  destination: fc.oneof(fc.constantFrom('a.example', 'b.example', '*'), text),
  reason: fc.constantFrom('DESTINATION_NOT_ALLOWED', 'NOT_TLS'),
  accessType: fc.constantFrom<Denial['accessType']>('DROP', 'DRY_RUN_DENIAL'),
  port: fc.constantFrom(443, 80, null),
  protocol: fc.constantFrom<Denial['protocol']>('TLS', 'HTTP', 'TCP', null),
  repeats: fc.constantFrom(1, 2, 2 ** 31, 2 ** 40),
  lost: fc.constantFrom(0, 0, 3),
  ageMs: fc.integer({ min: 0, max: 3 * DAY_MS }),
  sni: fc.option(text),
  product: fc.option(fc.constantFrom('JOBS', 'DBSQL')),
  pod: fc.option(fc.constantFrom('etl-0', 'etl-1')),
  rule: fc.option(text),
  sample: fc.option(fc.array(text, { minLength: 1, maxLength: 3 })),
});
const batches = fc.array(fc.array(row, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });

const FILTERS = [
  ...[{}, { sinceMs: DAY_MS }, { workspace: 'team-b' }, { pod: 'etl-0' }, { dryRun: true }],
  { product: 'jobs', untilMs: DAY_MS },
];
const QUESTIONS = [
  ...FILTERS.flatMap((filter) => [
    selectDenials(filter),
    selectDenials({ ...filter, isForward: true, limit: 5 }),
    `SELECT * EXCLUDE (now_ms) FROM (${selectHistogram(filter, DAY_MS / 2)})`,
    selectTop(filter, 10),
  ]),
  selectDeniedTraffic({ sinceMs: 2 * DAY_MS }),
  selectLast({}),
  selectWorkspaces(),
  ...(['pod', 'policy', 'product', 'network_source_type'] as const).map(selectNames),
].map((sql) => `SELECT * FROM (${sql})`);

type GeneratedBatches = typeof batches extends fc.Arbitrary<infer Value> ? Value : never;

/** Numbered from the first one on, with the times that they had. */
function batchesOf(generated: GeneratedBatches, gateway: string) {
  let sequence = 0;
  const nowMs = Date.now();
  return generated.map((rows) => {
    const denials = rows.map(({ ageMs, ...fields }) => {
      sequence += 1;
      const eventId = `${gateway}/access.log/${sequence * lineBytes}`;
      const eventTime = new Date(nowMs - ageMs).toISOString();
      return sampleDenial(sequence, { ...fields, eventId, eventTime, sequence });
    });
    return { gateway, logFile: 'access.log', upTo: sequence * lineBytes + 1, denials };
  });
}

test(
  `the questions of people have the same answers as in DuckDB, for all workspaces and for one (seed ${SEED})`,
  () =>
    withFolder((folder) =>
      withClickhouse(folder, async (clickhouse) => {
        const store = await clickhouse.open();
        const duckdb = await DenialStore.open(join(folder, 'denials.duckdb'));
        let run = 0;
        const property = fc.asyncProperty(batches, async (generated) => {
          run += 1;
          for (const batch of batchesOf(generated, `gw-${run}`)) {
            const [first] = batch.denials;
            for (const sink of [store.outbound, duckdb]) await sink.append(batch);
            const raised = first === undefined ? [] : [{ ...first, by: 5 }];
            const later = { ...batch, upTo: batch.upTo + 1, denials: [], raised };
            for (const sink of [store.outbound, duckdb]) await sink.append(later);
          }
          for (const workspaces of ['all', ['team-a'], []] as const)
            expect(await visibleRows(store, QUESTIONS, { workspaces })).toEqual(
              await visibleRows(queriedDenials(duckdb, folder), QUESTIONS, { workspaces }),
            );
        });
        await fc.assert(property, { seed: SEED, numRuns: 2, endOnFailure: true });
        await duckdb.close();
      }),
    ),
  180_000,
);
