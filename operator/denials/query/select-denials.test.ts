import { join } from 'node:path';

import { rowsOf, sampleBatch, sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { runQuery } from './run-query.ts';
import { type DenialSelection, selectDenials } from './select-denials.ts';

const quoted = `o'brien`;

/** Three denials: an old one, one a minute ago, one a minute ago in a workspace whose name needs quoting. */
async function listed(selection: DenialSelection): Promise<readonly unknown[]> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    const eventTime = new Date(Date.now() - 60_000).toISOString();
    const recent = sampleDenial(1, { eventTime });
    const other = sampleDenial(2, { eventTime, workspace: quoted, workspaceId: 'ws-2' });
    await store.append({ ...sampleBatch(0, 3), denials: [sampleDenial(0), recent, other] });
    const rows = rowsOf(await runQuery(store, selectDenials(selection)));
    await store.close();
    return rows.map((row) => row['sequence']);
  });
}

describe('selectDenials()', () => {
  test.each<[DenialSelection, readonly number[]]>([
    [{}, [3, 2, 1]],
    [{ sinceMs: 3_600_000 }, [3, 2]],
    [{ sinceMs: 1000 }, []],
    [{ workspace: 'team-a' }, [2, 1]],
    [{ workspace: quoted, sinceMs: 3_600_000 }, [3]],
    [{ workspace: 'ws-2' }, [3]],
    [{ workspace: `x' OR 'a' = 'a` }, []],
    [{ limit: 1 }, [3]],
  ])('lists for %j the rows %j', async (selection, sequences) => {
    expect(await listed(selection)).toEqual(sequences);
  });

  test('rejects numbers that are not whole', () => {
    expect(() => selectDenials({ sinceMs: Number.NaN })).toThrow('Cannot select denials with sinceMs "NaN"');
    expect(() => selectDenials({ limit: -1 })).toThrow('Cannot select denials with limit "-1"');
  });
});
