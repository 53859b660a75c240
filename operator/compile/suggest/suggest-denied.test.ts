// What an enforced policy denied, what has expired, and hosts that lead nowhere -> never a part of the change unasked.
import { denied, LONG_AGO, suggestionFor } from '../../../test/fixtures/suggest-fixture.ts';
import { type DeniedTraffic } from './denied-traffic.ts';
import { describeDestination } from './entry-of-host.ts';

const DROPPED: Partial<DeniedTraffic> = { isDryRun: false };

test('suggestPolicy() holds back what an enforced policy denied, unless it is included', () => {
  const traffic = [
    denied('wanted.example.com'),
    denied('evil.example.com', DROPPED),
    // Recorded before the policy was enforced, and denied since.
    denied('former.example.com'),
    denied('former.example.com', { ...DROPPED, port: 80, protocol: 'HTTP' }),
    denied('acme-data.s3.us-west-2.amazonaws.com'),
    denied('acme-data.s3.dualstack.us-west-2.amazonaws.com', DROPPED),
  ];
  const kept = suggestionFor({}, traffic);
  expect(kept.added.map(describeDestination)).toEqual(['wanted.example.com']);
  const held = ['evil.example.com', 'former.example.com', 's3://acme-data (us-west-2)'];
  expect(kept.heldBack.map(describeDestination)).toEqual(held);
  const included = suggestionFor({}, traffic, { includesDenied: true });
  expect(included.added.map((one) => [describeDestination(one), one.isDenied ?? false])).toEqual([
    ['wanted.example.com', false],
    ...held.map((text) => [text, true]),
  ]);
  expect(included.heldBack).toEqual([]);
});

test('suggestPolicy() makes no wildcard over a name that an enforced policy denied', () => {
  const traffic = ['a', 'b', 'c'].map((name) => denied(`${name}.data.example.com`));
  const wild = (...more: readonly DeniedTraffic[]): readonly string[] =>
    suggestionFor({}, [...traffic, ...more], { wildcardZones: ['data.example.com'] }).added.map(
      describeDestination,
    );
  expect(wild()).toEqual(['*.data.example.com']);
  expect(wild(denied('evil.data.example.com', DROPPED))).toEqual(
    traffic.map(({ destination }) => destination),
  );
});

test('suggestPolicy() does not add again what has expired', () => {
  const lists = {
    allowedInternetDestinations: [
      { destination: 'gone.example.com', expiresAt: LONG_AGO },
      { destination: '*.trial.example.com', ports: [{ port: 8443 }], expiresAt: LONG_AGO },
    ],
  };
  const { added, apart } = suggestionFor(lists, [
    denied('gone.example.com'),
    denied('x.trial.example.com', { port: 8443 }),
    denied('x.trial.example.com'),
  ]);
  expect(apart.map(({ traffic, why }) => [traffic.destination, traffic.port, why])).toEqual([
    ['gone.example.com', 443, expect.stringMatching(/until it expired \(gone\.example\.com\)/)],
    ['x.trial.example.com', 8443, expect.stringMatching(/until it expired \(\*\.trial\.example\.com\)/)],
  ]);
  expect(added.map(({ destination }) => destination)).toEqual([
    { destination: 'x.trial.example.com', ports: [{ port: 443, protocol: 'TLS' }] },
  ]);
});

test('suggestPolicy() names a host that leads nowhere in one place only', () => {
  const lost = { reason: 'UNRESOLVED_OR_PRIVATE' };
  const { added, heldBack, apart, unreachable } = suggestionFor({}, [
    denied('nowhere.example.com', DROPPED),
    denied('nowhere.example.com', lost),
    denied('sometimes.example.com'),
    denied('sometimes.example.com', lost),
  ]);
  expect(added.map(describeDestination)).toEqual(['sometimes.example.com']);
  expect(heldBack).toEqual([]);
  expect(apart.map(({ traffic, reason }) => [traffic.destination, reason])).toEqual([
    ['nowhere.example.com', 'UNRESOLVED_OR_PRIVATE'],
    ['nowhere.example.com', 'UNRESOLVED_OR_PRIVATE'],
  ]);
  expect(unreachable).toBe(1);
});
