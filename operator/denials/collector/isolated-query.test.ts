import { join } from 'node:path';
import { withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { heldBytes } from '../../lib/process-memory.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { askIsolated } from './isolated-query.ts';

/** Some 170 MB of memory. */
const LARGE = "select length(repeat('x', 150000000)) as n";

test.each([
  ['ends before both fill the container', 150, { error: expect.stringContaining('within the memory') }],
  ['is answered where there is room', 1000, 'answered'],
])('the process of a query %s', (_what, roomMb, outcome) =>
  withFolder(async (folder) => {
    const database = join(folder, 'rows');
    await (await DenialStore.open(database)).close();
    const answer = join(folder, 'answer');
    const query = { database, sql: LARGE, maxRows: 1, timeLimitMs: 30_000, format: 'json', answer } as const;
    const limit = heldBytes(process.pid) + roomMb * 1024 * 1024;
    expect(await askIsolated(query, new AbortController().signal, limit)).toEqual(outcome);
  }),
);
