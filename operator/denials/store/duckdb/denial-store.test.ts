import { copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import {
  countsOf,
  lineBytes,
  rowsOf,
  sampleBatch,
  sampleDenial,
  withFolder,
} from '../../../../test/fixtures/denial-fixture.ts';
import { inboundBatch } from '../../../../test/fixtures/inbound-fixture.ts';
import { INBOUND_COLUMNS } from '../../../model/inbound-columns.ts';
import type { InboundDenial } from '../../../model/inbound-denial.ts';
import { rowOf } from '../../../model/log-column.ts';
import { runQuery } from '../../query/run-query.ts';
import { DenialStore } from './denial-store.ts';

function withStore(work: (store: DenialStore) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    await work(store);
    await store.close();
  });
}

const DAY_MS = 86_400_000;

const unusualValues = {
  dnsEvent: null,
  storageEvent: { hostname: 's3://acme', path: '/a', rejectionReason: 'storage-bucket-path-denied' },
  eventTime: '2026-01-01T00:00:00.123456Z',
  port: null,
  sni: 'a.example',
  rule: 'ö"\u0000',
  ...{ pod: 'etl-0', podUid: 'uid-1', node: 'node-1', owner: 'StatefulSet/etl', lost: 2 ** 40 },
  who: 'POD' as const,
};

describe('DenialStore.append()', () => {
  test('raises rows of former batches, all of them or nothing of the batch', () =>
    withStore(async (store) => {
      await store.append(sampleBatch(0, 3));
      const { eventId, eventTime } = sampleDenial(1);
      await store.append({ ...sampleBatch(3, 4), raised: [{ eventId, eventTime, by: 7 }] });
      const repeats = 'select repeats::int as n from access.outbound_network order by sequence';
      expect(rowsOf(await runQuery(store, repeats)).map(({ n }) => n)).toEqual([1, 8, 1, 1]);
      const lost = { eventId: 'gw-1/access.log/7', eventTime, by: 1 };
      const next = { ...sampleBatch(4, 5), raised: [{ eventId, eventTime, by: 1 }, lost] };
      await expect(store.append(next)).rejects.toThrow(
        'are to count more, and 1 of 2 rows are there; ask again',
      );
      expect(rowsOf(await runQuery(store, repeats)).map(({ n }) => n)).toEqual([1, 8, 1, 1]);
    }));

  test('keeps the write-ahead log small', () =>
    withStore(async (store) => {
      const destination = 'x'.repeat(259);
      for (let from = 0; from < 6000; from += 100) {
        await store.append(sampleBatch(from, from + 100, { destination }));
      }
      expect((await stat(`${store.path}.wal`)).size).toBeLessThan(1_500_000);
    }));

  test('stores every field of a denial', () =>
    withStore(async (store) => {
      await store.append({ ...sampleBatch(0, 1), denials: [sampleDenial(0, unusualValues)] });
      const [row] = rowsOf(await runQuery(store, 'select * from access.outbound_network'));
      expect(Object.entries(row ?? {})).toEqual([
        ['account_id', 'account-1'],
        ['workspace_id', 'ws-1'],
        ['event_id', 'gw-1/access.log/0'],
        ['destination_type', 'DNS'],
        ['destination', 'host-0.example.com'],
        ['dns_event', null],
        [
          'storage_event',
          { hostname: 's3://acme', path: '/a', rejection_reason: 'storage-bucket-path-denied' },
        ],
        ['event_time', unusualValues.eventTime],
        ['access_type', 'DROP'],
        ['network_source_type', 'General Compute'],
        ['workspace', 'team-a'],
        ['product', 'JOBS'],
        ['policy', 'default-policy'],
        ['revision', 'r1'],
        ['rule', 'ö"\u0000'],
        ['reason', 'No entry allows this destination'],
        ['port', null],
        ['sni', 'a.example'],
        ['source', '10.0.0.7:41234'],
        ['sequence', 1],
        ['repeats', 1],
        ['sample', null],
        ['pod', 'etl-0'],
        ['pod_uid', 'uid-1'],
        ['node', 'node-1'],
        ['owner', 'StatefulSet/etl'],
        ['who', 'POD'],
        ['lost', 2 ** 40],
        ['protocol', null],
      ]);
    }));

  test('stores every field of a denied request, beside the other table', () =>
    withStore(async (store) => {
      const sample = ['192.0.2.1', '192.0.2.2'];
      await store.append(sampleBatch(0, 3));
      const batch = inboundBatch(0, 1, { sample, proxy: '10.0.0.1' });
      await store.inbound.append(batch);
      const [row] = rowsOf(await runQuery(store, 'select * from system.access.inbound_network'));
      const [denial] = batch.denials;
      expect(row).toEqual({
        ...rowOf(INBOUND_COLUMNS, denial as InboundDenial),
        event_time: row?.['event_time'],
        sequence: row?.['sequence'],
        repeats: row?.['repeats'],
      });
      expect(row?.['event_time']).toBe('2026-01-01T00:00:00.000Z');
      expect((await store.progress('gw-1')).lastSequence).toBe(3);
      expect((await store.inbound.progress('gw-2')).lastSequence).toBe(1);
      expect(Object.keys(row ?? {}).slice(0, 9)).toEqual([
        'account_id',
        'workspace_id',
        'event_id',
        'event_time',
        'source',
        'request_path',
        'authenticated_as',
        'policy_outcome',
        'rule_label',
      ]);
    }));

  test('deletes the oldest rows of both tables together', () =>
    withStore(async (store) => {
      await store.append(sampleBatch(0, 10));
      const requests = inboundBatch(10, 100);
      const denials = requests.denials.map((row, at) => ({ ...row, sequence: at + 1 }));
      await store.inbound.append({ ...requests, denials });
      const total = `select (select count(*) from access.outbound_network)::int as outbound,
        (select count(*) from access.inbound_network)::int as inbound`;
      expect(await store.deleteOldest(0.1)).toBe(10);
      expect(rowsOf(await runQuery(store, total))).toEqual([{ outbound: 0, inbound: 90 }]);
      expect(await store.deleteBefore(new Date(Date.UTC(2026, 0, 1) + 50_000))).toBe(40);
      expect(rowsOf(await runQuery(store, total))).toEqual([{ outbound: 0, inbound: 50 }]);
    }));

  test('drops a batch that comes again', () =>
    withStore(async (store) => {
      expect(await store.append(sampleBatch(0, 3000))).toEqual({ stored: 3000, duplicates: 0 });
      expect(await store.append(sampleBatch(0, 3000))).toEqual({ stored: 0, duplicates: 3000 });
      expect(await countsOf(store)).toEqual({ total: 3000, drops: 3000, dryRunDenials: 0 });
    }));

  test('refuses a batch of which it has a part: a row below its position may count lines above it', () =>
    withStore(async (store) => {
      await store.append(sampleBatch(0, 3));
      await expect(store.append(sampleBatch(2, 5, { repeats: 3 }))).rejects.toThrow('ask again');
      expect(await countsOf(store)).toMatchObject({ total: 3 });
    }));

  test('refuses rows whose numbers do not follow those that it has, such as after its file was lost', () =>
    withStore(async (store) => {
      await expect(store.append(sampleBatch(3, 5))).rejects.toThrow('ask again');
      await store.append(sampleBatch(0, 3));
      const late = { ...sampleBatch(0, 2), logFile: 'dns.log', gateway: 'gw-1' };
      const denials = late.denials.map((row) => ({ ...row, eventId: row.eventId.replace('access', 'dns') }));
      await expect(store.append({ ...late, denials })).rejects.toThrow('ask again');
      expect(await countsOf(store)).toMatchObject({ total: 3 });
    }));

  test('knows the last number and all denials of a gateway when its rows are gone', () =>
    withStore(async (store) => {
      const { eventId, eventTime } = sampleDenial(1);
      await store.append(sampleBatch(0, 3, { repeats: 5 }));
      await store.append({ ...sampleBatch(3, 4), raised: [{ eventId, eventTime, by: 7 }] });
      await store.deleteOldest(1);
      expect(await countsOf(store)).toMatchObject({ total: 0 });
      expect(await store.progress('gw-1')).toMatchObject({ lastSequence: 4, denials: 23 });
      await store.append(sampleBatch(4, 5));
    }));

  test('remembers the position of the last files of each log, and forgets those of before', () =>
    withStore(async (store) => {
      let sequence = 0;
      const names = Array.from(
        { length: 40 },
        (_, at) => `${at % 2 === 0 ? 'access' : 'dns'}-00${1000 + at}`,
      );
      for (const logFile of ['lost', ...names]) {
        sequence += 1;
        const row = { ...sampleDenial(0), eventId: `gw-1/${logFile}/0`, sequence };
        await store.append({ gateway: 'gw-1', logFile, upTo: 9, denials: [row] });
      }
      const { positions, lastSequence } = await store.progress('gw-1');
      expect(lastSequence).toBe(41);
      expect([...positions.keys()].sort()).toEqual(
        [...names.filter((_, at) => at >= 40 - 18), 'lost'].sort(),
      );
    }));

  test('forgets positions of gateways that are gone, and not what they had in all', () =>
    withStore(async (store) => {
      const names = ['access-000001', 'access-000002', '1.access-000001', '1.access-000002', 'lost'];
      for (const gateway of ['gw-1', 'gw-2'])
        for (const [at, logFile] of names.entries()) {
          const row = { ...sampleDenial(0), eventId: `${gateway}/${logFile}/0`, sequence: at + 1 };
          await store.append({ gateway, logFile, upTo: 9, denials: [row] });
        }
      const keysOf = async (gateway: string) => [...(await store.progress(gateway)).positions.keys()].sort();
      await store.forgetGateways(['gw-2'], 0);
      // Within the day in which a pod may still be on its way.
      expect(await keysOf('gw-1')).toHaveLength(5);
      await store.forgetGateways(['gw-2'], 1000 * DAY_MS, Date.now() + 2 * DAY_MS);
      expect(await keysOf('gw-1')).toEqual(['1.access-000001', '1.access-000002', 'lost']);
      expect(await store.progress('gw-1')).toMatchObject({ lastSequence: 5, denials: 5 });
      await store.forgetGateways(['gw-2'], DAY_MS, Date.now() + 2 * DAY_MS);
      expect(await keysOf('gw-1')).toEqual([]);
      expect(await keysOf('gw-2')).toEqual(names.toSorted());
    }));

  test('stores each line of a batch once', () =>
    withStore(async (store) => {
      await store.append(sampleBatch(0, 3));
      const batch = sampleBatch(3, 5, { accessType: 'DRY_RUN_DENIAL' });
      const doubled = { ...batch, denials: [...batch.denials, ...batch.denials] };
      expect(await store.append(doubled)).toEqual({ stored: 2, duplicates: 2 });
      expect(await countsOf(store)).toEqual({ total: 5, drops: 3, dryRunDenials: 2 });
    }));

  test('moves the position forward for a batch without denials, never back', () =>
    withStore(async (store) => {
      await store.append({ ...sampleBatch(0, 0), upTo: 900 });
      await store.append({ ...sampleBatch(0, 0), upTo: 500 });
      await store.append({ gateway: 'gw-2', logFile: 'access.log', upTo: 7, denials: [] });
      const positions = new Map([['access.log', 900]]);
      expect(await store.progress('gw-1')).toEqual({ positions, lastSequence: 0, denials: 0 });
      expect((await store.progress('gw-2')).positions).toEqual(new Map([['access.log', 7]]));
    }));

  test.each([
    ['past the end of the batch', { eventId: `gw-1/access.log/${2 * lineBytes}` }, 'up to byte 800 only'],
    ['of another gateway', { eventId: 'gw-2/access.log/0' }, 'the batch covers "gw-1/access.log/"'],
    ['without a byte offset', { eventId: 'gw-1/access.log/x' }, 'Cannot store denial "gw-1/access.log/x"'],
    ['with a local time', { eventTime: '2026-01-01 00:00' }, 'is not UTC in ISO 8601'],
  ])('stores nothing of a batch with a row %s', (_, changes, message) =>
    withStore(async (store) => {
      const batch = { ...sampleBatch(0, 2), denials: [sampleDenial(0), sampleDenial(1, changes)] };
      await expect(store.append(batch)).rejects.toThrow(message);
      expect((await store.progress('gw-1')).positions.size).toBe(0);
      expect(await store.append(sampleBatch(0, 2))).toEqual({ stored: 2, duplicates: 0 });
    }),
  );

  test('keeps rows and positions together when callers do not wait', () =>
    withStore(async (store) => {
      const batches = [0, 1, 2, 3].map((part) => store.append(sampleBatch(part * 10, part * 10 + 10)));
      expect(await Promise.all(batches)).toEqual(Array(4).fill({ stored: 10, duplicates: 0 }));
    }));

  test('stores 20,000 rows', () =>
    withStore(async (store) => {
      for (let from = 0; from < 20_000; from += 2000) await store.append(sampleBatch(from, from + 2000));
      expect((await countsOf(store))?.['total']).toBe(20_000);
    }));
});

describe('DenialStore.open()', () => {
  test('finds after a crash what was acknowledged, and drops its replay', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'denials.duckdb');
      const crashed = join(folder, 'crashed.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 100));
      // What the disk holds at this moment is what a killed process leaves.
      for (const end of ['', '.wal']) await copyFile(path + end, crashed + end);
      await store.close();
      const reopened = await DenialStore.open(crashed);
      const positions = new Map([['access.log', 100 * lineBytes]]);
      expect(await reopened.progress('gw-1')).toEqual({ positions, lastSequence: 100, denials: 100 });
      expect(await reopened.append(sampleBatch(50, 100))).toEqual({ stored: 0, duplicates: 50 });
      expect(await reopened.append(sampleBatch(100, 150))).toEqual({ stored: 50, duplicates: 0 });
      await reopened.close();
    }));

  test('keeps everything over a close', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'new', 'denials.duckdb');
      const store = await DenialStore.open(path);
      await store.append(sampleBatch(0, 10));
      await store.close();
      const reopened = await DenialStore.open(path, { memoryLimitMb: 128, threads: 2 });
      expect((await countsOf(reopened))?.['total']).toBe(10);
      await reopened.close();
    }));
});

describe('DenialStore.deleteBefore()', () => {
  test('removes old rows for good, while positions stay', () =>
    withStore(async (store) => {
      await store.append(sampleBatch(0, 10));
      expect(await store.deleteBefore(new Date(sampleDenial(4).eventTime))).toBe(4);
      expect(await store.append(sampleBatch(0, 10))).toEqual({ stored: 0, duplicates: 10 });
      expect((await countsOf(store))?.['total']).toBe(6);
    }));
});

describe('DenialStore.close()', () => {
  test('releases the file, though a query has not read its result to the end', () =>
    withFolder(async (folder) => {
      const store = await DenialStore.open(join(folder, 'denials.duckdb'));
      await store.append(sampleBatch(0, 3000));
      await runQuery(store, 'from access.outbound_network', { maxRows: 1 });
      await store.close();
      expect(await readdir(folder)).toEqual(['denials.duckdb']);
    }));

  test('ends a running query, stores what was handed over, and rejects more', () =>
    withStore(async (store) => {
      const endless = runQuery(
        store,
        'select count(*) from range(1000000) a, range(1000000) b where a.range < b.range',
      );
      await store.append(sampleBatch(0, 5));
      const stored = store.append(sampleBatch(5, 10));
      await store.close();
      expect(await endless).toEqual({ error: expect.stringContaining('the denial log is closing') });
      expect(await stored).toEqual({ stored: 5, duplicates: 0 });
      await expect(store.append(sampleBatch(0, 20))).rejects.toThrow('it is closed');
      await expect(countsOf(store)).rejects.toThrow('it is closed');
    }));
});
