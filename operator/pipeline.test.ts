import { CLUSTER_SETTINGS, clusterState } from '../test/fixtures/cluster-fixture.ts';
import { GATEWAY_SETTINGS } from '../test/fixtures/gateway-settings.ts';
import { policyManifest, readSnapshot } from '../test/fixtures/object-fixture.ts';
import { desiredOutputs, NOTHING_REMEMBERED, operatorOutputs } from './pipeline.ts';

const EXPIRES_AT = '2026-01-01T00:00:00Z';
const EXPIRY_MS = Date.parse(EXPIRES_AT);

/** No workspace is under it, so it is in no table. */
const POLICY = policyManifest('acme', {
  allowedInternetDestinations: [{ destination: 'trial.example', expiresAt: EXPIRES_AT }],
});

const GATEWAY = {
  settings: { ...GATEWAY_SETTINGS, directory: '/state/envoy' },
  egressListenersOf: () => [],
};

describe.each([
  ['desiredOutputs()', (atMs: number) => desiredOutputs(readSnapshot(POLICY), GATEWAY, atMs)],
  [
    'operatorOutputs()',
    (atMs: number) => operatorOutputs(clusterState([POLICY]), CLUSTER_SETTINGS, NOTHING_REMEMBERED, atMs),
  ],
])('%s', (_, outputsAt) => {
  it('names an entry from its expiry on, and comes back then', () => {
    const found = [EXPIRY_MS - 1, EXPIRY_MS].map((atMs) => {
      const { problems, changesAtMs } = outputsAt(atMs);
      return [problems.map(({ reason }) => reason), changesAtMs];
    });
    expect(found).toEqual([
      [[], EXPIRY_MS],
      [['Expired'], undefined],
    ]);
  });
});
