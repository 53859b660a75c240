import fc from 'fast-check';
import { type Manifest, manifest, policyManifest, readSnapshot } from '../../test/fixtures/object-fixture.ts';
import { expiredEntries, nextExpired } from './expiries.ts';

const NOON = '2026-01-01T12:00:00Z';
const NOON_MS = Date.parse(NOON);

function messagesAt(atMs: number, ...manifests: readonly Manifest[]): readonly (readonly unknown[])[] {
  return expiredEntries(readSnapshot(...manifests), atMs).map(({ reason, object, field, message }) => [
    reason,
    object,
    field,
    message,
  ]);
}

const POLICY = policyManifest('acme', {
  allowedInternetDestinations: [
    { destination: 'lasting.example' },
    { destination: 'trial.example', expiresAt: NOON },
  ],
  blockedInternetDestinations: [{ destination: '*.zip', expiresAt: NOON }],
});

describe('expiredEntries()', () => {
  it('names field, entry and time of what has expired, of both lists', () => {
    const path = 'spec.egress.networkAccess';
    const rest = `has no effect, since it expired at ${NOON}: set a later time, or remove the entry`;
    expect(messagesAt(NOON_MS, POLICY)).toEqual([
      [
        'Expired',
        'NetworkPolicy/acme',
        `${path}.allowedInternetDestinations[1].expiresAt`,
        `The entry "trial.example" ${rest}`,
      ],
      [
        'Expired',
        'NetworkPolicy/acme',
        `${path}.blockedInternetDestinations[0].expiresAt`,
        `The entry "*.zip" ${rest}`,
      ],
    ]);
  });

  it('names none before', () => {
    expect(messagesAt(NOON_MS - 1, POLICY)).toEqual([]);
  });

  it('names none under FULL_ACCESS, of which another Problem tells', () => {
    const allowedInternetDestinations = [{ destination: 'trial.example', expiresAt: NOON }];
    const open = { restrictionMode: 'FULL_ACCESS', allowedInternetDestinations };
    expect(messagesAt(NOON_MS, policyManifest('acme', open))).toEqual([]);
  });

  it('names no connection of a metastore whose transition has ended', () => {
    const connections = [{ name: 'crm', destination: 'crm.example', transitionEndTime: NOON }];
    expect(
      messagesAt(
        NOON_MS,
        manifest('Metastore', 'main', { region: 'us-west-2', connections, workspaces: [] }),
      ),
    ).toEqual([]);
  });
});

describe('nextExpired()', () => {
  it('is the first moment after which expiredEntries() names more', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(moments, moments, fc.integer({ min: 0, max: 20 }), (first, second, now) => {
        const snapshot = readSnapshot(...[first, second].map(policyOf));
        const after = [...first, ...second].filter((moment) => moment > now);
        const next = after.length === 0 ? undefined : Math.min(...after) * 1000;
        expect(nextExpired(snapshot, now * 1000)).toBe(next);
        const countAt = (atMs: number): number => expiredEntries(snapshot, atMs).length;
        const changesAtMs = next ?? 21_000;
        expect(countAt(changesAtMs - 1)).toBe(countAt(now * 1000));
        expect(countAt(changesAtMs) > countAt(now * 1000)).toBe(next !== undefined);
      }),
      { seed: 7 },
    );
  });
});

function policyOf(moments: readonly number[], at: number): Manifest {
  const allowedInternetDestinations = moments.map((moment, entry) => ({
    destination: `e${entry}.example.com`,
    expiresAt: new Date(moment * 1000).toISOString(),
  }));
  return policyManifest(`policy-${at}`, { allowedInternetDestinations });
}
