import fc from 'fast-check';
import { STORAGE_REGIONS, storageHost } from '../../../test/fixtures/cloud-hosts.ts';
import { storageHosts } from '../../model/storage-destination.ts';
import { parseStorageHost } from '../../model/storage-host.ts';
import { ASSUMED_PORT, bucketEntry } from './entry-of-host.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test('bucketEntry() allows the storage host, and nothing but its bucket in a region that there is', () => {
  let found = 0;
  fc.assert(
    fc.property(storageHost, (host) => {
      const entry = bucketEntry(host, 'BUCKET_NOT_ALLOWED', ASSUMED_PORT);
      const hosts = entry === undefined ? [host] : storageHosts(entry);
      found += entry === undefined ? 0 : 1;
      expect(hosts).toContain(host);
      const location = parseStorageHost(host)?.location;
      expect(hosts.map((one) => parseStorageHost(one)?.location)).toEqual(hosts.map(() => location));
      expect([undefined, ...STORAGE_REGIONS]).toContain(entry?.region);
    }),
    { seed: SEED, numRuns: 1000 },
  );
  expect(found).toBeGreaterThan(100);
});
