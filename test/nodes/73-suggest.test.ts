// From dry-run to enforcement on nodes: a workspace in dry-run asks for what it needs in a day, `kubectl sallyport suggest
// --apply` changes its policy, the policy is enforced; then the same traffic passes, and anything else is denied.
import { sallyport } from '../support/nodes/asked-denials.ts';
import { apply, kubectl } from '../support/nodes/commands.ts';
import { removeAgain } from '../support/nodes/installation.ts';
import { type Attempt, reach } from '../support/nodes/reach.ts';
import { BUCKET_HOST, client, SOURCES, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const ID = Math.floor(Date.now() / 1000);
const DAY = `day-${ID.toString(36)}`;
const [PLAIN, BOTH, OTHER_PORT, RAW] = SOURCES.slice(-4) as [string, string, string, string];

/** By name, what works in dry-run: "200", or "open" of bytes that are no TLS. */
const TRAFFIC: Readonly<Record<string, Attempt>> = {
  ...Object.fromEntries(
    SOURCES.slice(0, -4).map((name) => [name, { way: 'proxy', url: `https://${name}/` } as const]),
  ),
  'plain HTTP': { way: 'proxy', url: `http://${PLAIN}/` },
  'HTTP of both': { way: 'proxy', url: `http://${BOTH}/` },
  'TLS of both': { way: 'proxy', url: `https://${BOTH}/` },
  'another port': { way: 'proxy', url: `https://${OTHER_PORT}:8443/` },
  'no TLS': { way: 'tunnel', url: `https://${RAW}:8080/` },
  bucket: { way: 'proxy', url: `https://${BUCKET_HOST}/` },
  'listed before': { way: 'proxy', url: 'https://allowed.example/' },
};

const ANYTHING_ELSE: Readonly<Record<string, Attempt>> = {
  'another name': { way: 'proxy', url: 'https://denied.example/' },
  'a name below': { way: 'proxy', url: `https://below.${SOURCES[0]}/` },
  'the name above': { way: 'proxy', url: 'https://day.example/' },
  'HTTP where TLS was asked for, on a port of its own': { way: 'proxy', url: `http://${OTHER_PORT}/` },
  'TLS where HTTP was asked for': { way: 'proxy', url: `https://${PLAIN}/` },
  'another bucket': { way: 'proxy', url: 'https://other-data.s3.us-west-2.amazonaws.com/' },
  'another region': { way: 'proxy', url: 'https://acme-data.s3.eu-west-1.amazonaws.com/' },
};

const TIMES = 3;

beforeAll(async () => {
  await apply(`apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: ${DAY} }
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations: [{ destination: allowed.example }]
      policyEnforcement: { enforcementMode: DRY_RUN }
---
${workspace(DAY, ID, DAY)}`);
  await kubectl(['wait', '--for=condition=Ready', `spa/${DAY}`, '--timeout=60s']);
  await apply(client(DAY));
  await kubectl(['-n', DAY, 'rollout', 'status', 'deploy/client', '--timeout=60s']);
}, 150_000);

afterAll(() => removeAgain([DAY], [DAY]));

const passing = (outcomes: Readonly<Record<string, string>>): Readonly<Record<string, boolean>> =>
  Object.fromEntries(
    Object.entries(outcomes).map(([name, outcome]) => [name, outcome === '200' || outcome === 'open']),
  );
const all = (asked: Readonly<Record<string, Attempt>>, is: boolean): Readonly<Record<string, boolean>> =>
  Object.fromEntries(Object.keys(asked).map((name) => [name, is]));

/** Lines of the table for people, by destination. */
async function suggested(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await sallyport('suggest', '-n', DAY);
  const cells = stdout.split('\n').map((line) => line.trim().split(/\s{2,}/));
  return new Map(cells.map(([destination = '', ...rest]) => [destination, rest]));
}

async function applySuggested(): Promise<void> {
  expect((await sallyport('suggest', '-n', DAY, '--apply')).code).not.toBe(0);
  expect(await sallyport('suggest', '-n', DAY, '--apply', '--yes')).toMatchObject({ code: 0 });
}

test('each connection of the day is counted in what is suggested', async () => {
  for (let time = 0; time < TIMES; time += 1)
    expect(passing(await reach(DAY, TRAFFIC))).toEqual(all(TRAFFIC, true));
  const expected = new Map<string, readonly string[]>([
    ...SOURCES.slice(0, -4).map((name) => [name, ['443/TLS', `${TIMES}`]] as const),
    [PLAIN, ['80/HTTP', `${TIMES}`]],
    [BOTH, ['80/HTTP 443/TLS', `${2 * TIMES}`]],
    [OTHER_PORT, ['8443/TLS ?', `${TIMES}`]],
    // Nobody saw its first bytes.
    [RAW, ['8080/TLS ?', `${TIMES}`]],
    ['s3://acme-data (us-west-2)', ['443/TLS', `${TIMES}`]],
  ]);
  const seen = async () =>
    new Map(
      [...(await suggested())].flatMap(([name, [ports, count]]) =>
        expected.has(name) ? [[name, [ports, count]]] : [],
      ),
    );
  await until('the last connection is counted', async () => (await seen()).get(RAW)?.[1] === `${TIMES}`);
  expect(await seen()).toEqual(expected);
  await applySuggested();
});

test('what was assumed of a port is corrected by the next suggestion, before anything is enforced', async () => {
  await until('the difference is suggested', async () => {
    expect(passing(await reach(DAY, TRAFFIC))).toEqual(all(TRAFFIC, true));
    return (await suggested()).get(RAW)?.[0]?.startsWith('8080/TCP') === true;
  });
  await applySuggested();
});

test('enforced, the same traffic passes, and nothing else', async () => {
  const enforced = {
    spec: { egress: { networkAccess: { policyEnforcement: { enforcementMode: 'ENFORCED' } } } },
  };
  await kubectl(['patch', 'snp', DAY, '--type=merge', '-p', JSON.stringify(enforced)]);
  await kubectl(['wait', '--for=condition=RestartRequired', `spa/${DAY}`, '--timeout=60s']);
  await kubectl(['-n', DAY, 'rollout', 'restart', 'deploy/client']);
  await kubectl(['-n', DAY, 'rollout', 'status', 'deploy/client', '--timeout=90s']);
  await kubectl(['wait', '--for=condition=Ready', `spa/${DAY}`, '--timeout=120s']);
  expect(passing(await reach(DAY, TRAFFIC))).toEqual(all(TRAFFIC, true));
  for (const outcome of Object.values(await reach(DAY, ANYTHING_ELSE))) expect(outcome).toMatch(/^403 /);
});
