import { setTimeout as delay } from 'node:timers/promises';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { seenPod } from '../../../test/fixtures/seen-pod-fixture.ts';
import type { Denial } from '../../model/denial.ts';
import type { SeenPod } from '../../model/seen-pod.ts';
import { PodDirectory } from './pod-directory.ts';
import { PodIdentifier, type PodIdentifierOptions } from './pod-identifier.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const AGO_MS = 60_000;

function scene(options: Partial<PodIdentifierOptions> = {}) {
  const directory = new PodDirectory();
  const identifier = new PodIdentifier({
    directory,
    knownUpToMs: () => Number.POSITIVE_INFINITY,
    ownerOf: async () => 'Deployment/etl',
    now: () => NOW_MS,
    ...options,
  });
  const put = (pod: SeenPod): void => {
    directory.put(pod, NOW_MS - 2 * AGO_MS);
    identifier.noticeChange();
  };
  return { identifier, put };
}

function denied(agoMs: number, changes: Partial<Denial> = {}): Denial {
  const eventTime = new Date(NOW_MS - agoMs).toISOString();
  return sampleDenial(0, { eventTime, workspace: 'analytics', source: '10.0.0.1:50000', ...changes });
}

async function timed<T>(work: Promise<T>): Promise<{ readonly result: T; readonly tookMs: number }> {
  const startMs = performance.now();
  const result = await work;
  return { result, tookMs: performance.now() - startMs };
}

describe('identify()', () => {
  test('says pod, node, owner and product, at once for rows of a known pod that are not young', async () => {
    const { identifier, put } = scene();
    put(seenPod('etl-0', { product: 'ML_BUILD' }));
    const row = denied(AGO_MS, { product: null, networkSourceType: null });
    const { result, tookMs } = await timed(identifier.identify([row]));
    expect(result).toEqual([
      {
        ...row,
        ...{ pod: 'etl-0', podUid: 'uid-of-etl-0', node: 'node-1', owner: 'Deployment/etl', who: 'POD' },
        ...{ product: 'ML_BUILD', networkSourceType: 'ML Build' },
      },
    ]);
    expect(tookMs).toBeLessThan(500);
  });

  test('keeps the product that the lane says', async () => {
    const { identifier, put } = scene();
    put(seenPod('etl-0', { product: 'ML_BUILD' }));
    const [row] = await identifier.identify([denied(AGO_MS, { product: 'JOBS' })]);
    expect(row).toMatchObject({ pod: 'etl-0', product: 'JOBS', networkSourceType: 'General Compute' });
  });

  test('keeps the order of rows, and rows that are for several sources as they are', async () => {
    const { identifier, put } = scene();
    put(seenPod('etl-0', { addresses: ['fd00::1'] }));
    const rows = [
      denied(AGO_MS, { source: '*', who: 'POD', pod: 'forged' }),
      denied(AGO_MS, { source: '[fd00::1]:50000' }),
      denied(AGO_MS, { source: '' }),
    ];
    const result = await identifier.identify(rows);
    expect(result.map(({ source, who, pod }) => [source, who, pod])).toEqual([
      ['*', null, null],
      ['[fd00::1]:50000', 'POD', 'etl-0'],
      ['', null, null],
    ]);
  });

  test('waits for a pod that the watch brings soon', async () => {
    const { identifier, put } = scene();
    const identifying = timed(identifier.identify([denied(1500)]));
    await delay(200);
    put(seenPod('etl-0'));
    const { result, tookMs } = await identifying;
    expect(result[0]).toMatchObject({ who: 'POD', pod: 'etl-0' });
    expect(tookMs).toBeLessThan(1000);
  });

  test('does not wait long, and then says that the source is unknown', async () => {
    const { identifier } = scene();
    const { result, tookMs } = await timed(identifier.identify([denied(0)]));
    expect(result[0]).toMatchObject({ who: 'UNKNOWN_SOURCE', pod: null, node: null, owner: null });
    expect(tookMs).toBeGreaterThan(1000);
    expect(tookMs).toBeLessThan(2500);
  });

  test('does not wait for the pod of an old row', async () => {
    const { identifier } = scene();
    const { result, tookMs } = await timed(identifier.identify([denied(AGO_MS)]));
    expect(result[0]?.who).toBe('UNKNOWN_SOURCE');
    expect(tookMs).toBeLessThan(500);
  });

  test('says no owner, not even the one that the pod names, where its owners do not come', async () => {
    const { identifier, put } = scene({ ownerOf: () => new Promise(() => undefined) });
    put(
      seenPod('etl-0', {
        controller: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'etl-5', uid: 'u' },
      }),
    );
    const { result, tookMs } = await timed(identifier.identify([denied(AGO_MS)]));
    expect(result[0]).toMatchObject({ pod: 'etl-0', owner: null });
    expect(tookMs).toBeLessThan(2500);
  });

  test('takes 100,000 rows of unknown sources at once', async () => {
    const { identifier } = scene();
    const rows = Array.from({ length: 100_000 }, (_, at) =>
      denied(0, { source: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}:5353` }),
    );
    const { result, tookMs } = await timed(identifier.identify(rows));
    expect(result.every(({ who }) => who === 'UNKNOWN_SOURCE')).toBe(true);
    expect(tookMs).toBeLessThan(2500);
  });
});
