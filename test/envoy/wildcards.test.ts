// Random policies of wildcards, exact names, buckets and blocks around storage and shared zones, on a real Envoy: a
// tunnel opens exactly where decide() allows it, and a denial has decide()'s reason. What is sent inside is no TLS, so
// nothing is resolved. The seed is in the name of the test.
import fc from 'fast-check';
import { decide } from '../../operator/compile/decide.ts';
import { compileSnapshot } from '../../operator/compile/plans.ts';
import { indexTable } from '../../operator/compile/table-index.ts';
import { otherHost, patternAbove, storageHost } from '../fixtures/cloud-hosts.ts';
import { manifest, policyManifest, readSnapshot, workspaceManifest } from '../fixtures/object-fixture.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { type WrittenAccess, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const SEED = 20_261_128;
const POLICIES = 8;
const ASKED_HOSTS = 40;

interface PolicyCase {
  readonly access: WrittenAccess;
  readonly hosts: readonly string[];
}

const host = fc.oneof(storageHost, otherHost);
/**
 * Which of the hosts an entry is about, how many labels its wildcard leaves out, and whether it accepts a shared zone.
 */
const entry = fc.tuple(fc.nat(ASKED_HOSTS - 1), fc.nat(4), fc.boolean());
const policyCases: fc.Arbitrary<PolicyCase> = fc
  .tuple(
    fc.array(host, { minLength: ASKED_HOSTS, maxLength: ASKED_HOSTS }),
    fc.array(entry, { minLength: 4, maxLength: 14 }),
    fc.array(entry, { maxLength: 3 }),
  )
  .map(([hosts, allowed, blocked]) => {
    const write = ([at, depth]: readonly [number, number, boolean], least: number): string =>
      patternAbove(hosts[at] ?? '', Math.min(depth, labelsOf(hosts[at]) - least));
    const allowedInternetDestinations = allowed.map((one) => ({
      destination: write(one, 2),
      ...(one[2] ? { sharedZone: 'Accept' } : {}),
    }));
    const blockedInternetDestinations = blocked.map((one) => ({ destination: write(one, 1) }));
    return { hosts, access: { allowedInternetDestinations, blockedInternetDestinations } };
  });

function labelsOf(name = ''): number {
  return name.split('.').length;
}

const POLICY_CASES = fc.sample(policyCases, { seed: SEED, numRuns: POLICIES });

let fixture: GatewayFixture;

beforeAll(async () => {
  const files = POLICY_CASES.map(
    ({ access }, at) => [`w${at}.yaml`, workspaceYaml(`w${at}`, access)] as const,
  );
  fixture = await startGateway({ names: [], files: Object.fromEntries(files) });
});

afterAll(() => fixture.stop());

function decisions({ access, hosts }: PolicyCase): readonly string[] {
  const snapshot = readSnapshot(
    workspaceManifest('w'),
    manifest('PolicyAssignment', 'w', { networkPolicyId: 'p' }),
    policyManifest('p', access),
  );
  const [table] = compileSnapshot(snapshot).tables;
  if (table === undefined) throw new Error('Cannot find the table of the only workspace');
  const index = indexTable(table.spec, 0);
  return hosts.map((name) => {
    const inside = { kind: 'TLS', sni: name } as const;
    return `${name} ${decide(index, 'enforced', { via: 'CONNECT', host: name, port: 443, inside }).reason}`;
  });
}

test.each(POLICY_CASES.map((outside, at) => [at, outside] as const))(
  `Envoy opens what decide() allows, and gives its reasons: policy %d of seed ${SEED}`,
  async (at, outside) => {
    const answers = await Promise.all(
      outside.hosts.map(async (name) => {
        const tunnel = { connect: `${name}:443`, sends: 'bytes', bytes: 'no TLS' } as const;
        const { proxyStatus, reason } = await ask({ ...fixture.client(`w${at}`), ...tunnel });
        return `${name} ${proxyStatus === 200 ? 'DESTINATION_ALLOWED' : reason}`;
      }),
    );
    expect(answers).toEqual(decisions(outside));
  },
);

test('the policies allow and deny, for each expected reason', () => {
  const reasons = POLICY_CASES.flatMap(decisions).map((text) => text.split(' ')[1]);
  expect(new Set(reasons)).toEqual(
    new Set([
      'DESTINATION_ALLOWED',
      'DESTINATION_BLOCKED',
      'DESTINATION_NOT_ALLOWED',
      'BUCKET_NOT_ALLOWED',
      'STORAGE_PATH_STYLE',
    ]),
  );
});
