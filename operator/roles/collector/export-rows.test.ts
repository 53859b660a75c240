// The export of a running collector: what is due is there, failures are counted and said, and it ends.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { sampleBatch, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { parquetRows } from '../../../test/support/parquet-rows.ts';
import { until } from '../../../test/support/until.ts';
import { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import { createLogger } from '../../lib/logger.ts';
import { exportRows } from './export-rows.ts';

async function valueOf(registry: Registry, name: string): Promise<number> {
  const [value] = (await registry.getSingleMetric(`sallyport_denials_export_${name}`)?.get())?.values ?? [];
  return value?.value ?? Number.NaN;
}

test('a collector exports the days that are over, and counts what fails', () =>
  withFolder(async (root) => {
    const store = await DenialStore.open(join(root, 'denials.duckdb'));
    await store.append(sampleBatch(0, 3));
    const directory = join(root, 'target');
    // A file where a directory is to be.
    await mkdir(directory);
    await writeFile(join(directory, 'outbound_network'), '');
    const open = (registry: Registry) =>
      exportRows({
        ...{ store, root, registry, exportTo: { directory } },
        logger: createLogger({ role: 'collector', level: 'silent' }),
      });
    const failing = new Registry();
    const first = await open(failing);
    first.start();
    await until('a failure is counted', async () => (await valueOf(failing, 'failed_total')) === 1);
    await first.stop();
    expect(await valueOf(failing, 'last_day')).toBe(Date.UTC(2025, 11, 31) / 1000);
    expect(await first.retained.deleteBefore(new Date())).toBe(0);

    await rm(join(directory, 'outbound_network'));
    const registry = new Registry();
    const second = await open(registry);
    second.start();
    await until(
      'yesterday is reached',
      async () => (await valueOf(registry, 'last_day')) > Date.UTC(2026, 0, 1) / 1000,
    );
    await second.stop();
    expect(await parquetRows(join(directory, 'outbound_network/date=2026-01-01/*.parquet'))).toHaveLength(3);
    expect(await second.retained.deleteBefore(new Date())).toBe(3);
    expect([await valueOf(registry, 'failed_total'), await valueOf(registry, 'missed_total')]).toEqual([
      0, 0,
    ]);
    await store.close();
  }));

test('a collector that ends does not wait for a bucket that does not answer', () =>
  withFolder(async (root) => {
    const keys = { AWS_ACCESS_KEY_ID: 'exporter', AWS_SECRET_ACCESS_KEY: 'secret' };
    Object.assign(process.env, { ...keys, AWS_REGION: 'us-east-1' });
    const asked = Promise.withResolvers<void>();
    const server = createServer(() => asked.resolve());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = await DenialStore.open(join(root, 'denials.duckdb'));
    await store.append(sampleBatch(0, 3));
    const registry = new Registry();
    const exports = await exportRows({
      ...{ store, root, registry, exportTo: { bucket: { bucket: 'denials', prefix: '', endpoint } } },
      logger: createLogger({ role: 'collector', level: 'silent' }),
    });
    try {
      exports.start();
      await asked.promise;
      const startMs = performance.now();
      await exports.stop();
      expect(performance.now() - startMs).toBeLessThan(5000);
      expect(await valueOf(registry, 'failed_total')).toBe(0);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    }
  }));
