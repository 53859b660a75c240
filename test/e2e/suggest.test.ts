// From dry-run to enforcement with `sallyport suggest`: a day of traffic, suggestions, --apply, ENFORCED; then the same
// traffic passes on a real Envoy, and other traffic is denied.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask } from '../outside/proxy-client.ts';
import { until } from '../support/until.ts';
import { type Command, type Ended, sallyport, startSallyport } from './command-line.ts';
import { Scene } from './scene.ts';

const FILE = 'alpha.yaml';

const YAML = `# Our workspace.
apiVersion: v1
kind: Namespace
metadata: { name: alpha, labels: { sallyport.dev/workspace: id-of-alpha } }
---
apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata: { name: alpha }
spec: { networkPolicyId: alpha-policy }
---
apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata:
  name: alpha-policy
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      # Agreed with the data team.
      allowedInternetDestinations:
        - destination: used.example.com # for the nightly job
        - destination: unused.example.com # for nobody
      blockedInternetDestinations:
        - destination: ads.example.com
      policyEnforcement:
        enforcementMode: DRY_RUN
`;

const BUCKET = 'acme-data.s3.us-west-2.amazonaws.com';
const OTHERS = [
  'other-data.s3.us-west-2.amazonaws.com',
  'acme-data.s3.eu-west-1.amazonaws.com',
  'other.example.com',
  'sub.first.example.com',
  'unused.example.com',
  'ads.example.com',
];
const RECORDED = [
  'https://used.example.com/',
  'https://first.example.com/',
  'http://plain.example.com/',
  'https://both.example.com/',
  'http://both.example.com/',
  'https://tls.example.com:8443/',
  `https://${BUCKET}/`,
];
const DENIED = [
  ...OTHERS.map((name) => `https://${name}/`),
  'http://first.example.com/',
  'https://plain.example.com/',
  'https://first.example.com:8443/',
  'http://tls.example.com/',
  `http://${BUCKET}/`,
];

let scene: Scene;
let command: Command;

beforeAll(async () => {
  const names = new Set([...RECORDED, ...DENIED].map((url) => new URL(url).hostname));
  scene = await Scene.open([], { [FILE]: YAML });
  for (const name of names)
    await scene.outside.addName({ name, services: { 80: 'http', 443: 'https', 8443: 'https' } });
});

afterAll(() => scene.remove());

function suggest(...options: readonly string[]): Promise<Ended> {
  return sallyport(['suggest', scene.folder, '--state', scene.state(), ...options]);
}

function suggestAndAnswer(answer: string, ...options: readonly string[]): Promise<Ended> {
  const script = ['sh', '-c', `printf '${answer}\\n' | "$0" "$@"`];
  const args = ['suggest', scene.folder, '--state', scene.state(), '--apply', ...options];
  return startSallyport(args, {}, script).ended();
}

async function outcomesOf(urls: readonly string[]): Promise<readonly (readonly [string, string])[]> {
  const outcomes: (readonly [string, string])[] = [];
  for (const url of urls) outcomes.push([url, (await scene.asks(url, 'alpha')).outcome]);
  return outcomes;
}

let beganMs = 0;

/** How long entries are counted before there is traffic; commands may take half of that to start. */
const LEAD_MS = 8000;

/** Since shortly before the first of the recorded traffic. */
function since(): string {
  return `${Math.ceil((Date.now() - beganMs + LEAD_MS / 2) / 1000)}s`;
}

test('dry-run records a day of traffic, and which entries are used', async () => {
  command = await scene.running();
  // Entries are counted since before the time that is asked for.
  const readyMs = Date.now();
  await until('entries have been counted for a while', () => Date.now() > readyMs + LEAD_MS);
  beganMs = Date.now();
  expect(await outcomesOf(RECORDED)).toEqual(RECORDED.map((url) => [url, 'ok']));
  expect(await outcomesOf(['https://ads.example.com/'])).toEqual([['https://ads.example.com/', 'refused']]);
  const proxy = await scene.proxy('alpha', 'JOBS');
  await ask({ proxy, ca: scene.outside.caPem, connect: 'first.example.com:443', sni: 'hidden.example.com' });
  await ask({ proxy, connect: '169.254.169.254:80', sends: 'plain' });
  await command.end('SIGINT');
});

test('suggest lists what to add, what to remove, and what it does not suggest', async () => {
  const { status, stdout, stderr } = await suggest('--since', since());
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.split('\n').map((line) => line.trim().replaceAll(/ {3,}/g, '  '));
  const times = String.raw`\d{4}-\d\d-\d\dT[\d:]+Z  \d{4}-\d\d-\d\dT[\d:]+Z  JOBS  -`;
  for (const line of [
    'DESTINATION  PORTS  COUNT  FIRST SEEN  LAST SEEN  PRODUCTS  PODS',
    `first\\.example\\.com  443/TLS  [12]  ${times}`,
    `plain\\.example\\.com  80/HTTP  1  ${times}`,
    `both\\.example\\.com  80/HTTP 443/TLS  2  ${times}`,
    `tls\\.example\\.com  8443/TLS \\?  1  ${times}`,
    `s3://acme-data \\(us-west-2\\)  443/TLS  1  ${times}`,
    'unused\\.example\\.com  never used since it is counted',
    `ads\\.example\\.com:443  DESTINATION_BLOCKED  1  ${times}  a blocked destination matches.*`,
    `169\\.254\\.169\\.254:80  METADATA_ADDRESS  1  ${times}  .*`,
  ])
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${line}$`)));
  expect(lines).not.toContainEqual(expect.stringMatching(/^used\.example\.com/));
});

test('suggest writes nothing where a person says no', async () => {
  const { status, stdout } = await suggestAndAnswer('no', '--since', since());
  expect({ status, end: stdout.slice(-21) }).toEqual({ status: 1, end: '] Nothing is written\n' });
  expect(await readFile(join(scene.folder, FILE), 'utf8')).toBe(YAML);
});

test('suggest --apply shows the difference and keeps comments', async () => {
  const { status, stdout, stderr } = await suggestAndAnswer('yes', '--since', since());
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(
    '\n-        - destination: unused.example.com # for nobody\n+        - destination: ',
  );
  expect(stdout).toMatch(/\nWrite this to alpha\.yaml\? \[y\/N\] Wrote alpha\.yaml\n$/);
  const text = await readFile(join(scene.folder, FILE), 'utf8');
  expect(text).toContain('      # Agreed with the data team.\n');
  expect(text).toContain('        - destination: used.example.com # for the nightly job\n');
  expect(text).not.toContain('unused.example.com');
  expect(text).not.toContain('for nobody');
  expect(text).toContain('bucketName: acme-data');
});

test('under enforcement what was recorded passes, and all else is denied', async () => {
  const text = await readFile(join(scene.folder, FILE), 'utf8');
  await scene.write(FILE, text.replace('enforcementMode: DRY_RUN', 'enforcementMode: ENFORCED'));
  command = await scene.running();
  expect(await outcomesOf(RECORDED)).toEqual(RECORDED.map((url) => [url, 'ok']));
  expect(await outcomesOf(DENIED)).toEqual(DENIED.map((url) => [url, 'refused']));
  const proxy = await scene.proxy('alpha', 'JOBS');
  const hidden = {
    proxy,
    ca: scene.outside.caPem,
    connect: 'first.example.com:443',
    sni: 'hidden.example.com',
  };
  expect(await ask(hidden)).toMatchObject({ outcome: 'reset' });
  expect(
    await ask({ ...hidden, connect: `${scene.outside.addressOf('first.example.com')}:443` }),
  ).toMatchObject({
    outcome: 'refused',
  });
  await command.end('SIGINT');
});
