// `kubectl sallyport suggest` with real rights on a real API server and a real collector: what was denied, as entries, and
// the policies that it changes.
import { compileSnapshot } from '../../operator/compile/plans.ts';
import type { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { API_VERSION } from '../../operator/model/kubernetes-object.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import {
  type ClusterSuggestOptions,
  clusterSuggestCommand,
} from '../../operator/roles/suggest/cluster-command.ts';
import { lineBytes, sampleDenial } from '../fixtures/denial-fixture.ts';
import { manifest, policyManifest, readSnapshot, workspaceManifest } from '../fixtures/object-fixture.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { PersonScene } from '../support/cluster/person-scene.ts';

let scene: PersonScene;
/** May get denials in team-a and read everything of Sallyport; may not change policies. */
let ada: string;
/** May read everything of Sallyport, and no denials. */
let bob: string;

beforeAll(async () => {
  scene = await PersonScene.start(storeRows);
  await writeObjects();
  await grant();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene?.stop());

function denial(at: number, workspace: string, changes: Partial<Denial>): Denial {
  const eventTime = new Date(Date.now() - 3_600_000 + at * 1000).toISOString();
  return sampleDenial(at, {
    ...{ workspace, workspaceId: `id-${workspace}`, product: null, accessType: 'DRY_RUN_DENIAL', eventTime },
    ...{ reason: 'DESTINATION_NOT_ALLOWED', protocol: 'TLS', who: 'POD', pod: `${workspace}-0` },
    ...changes,
  });
}

async function storeRows(store: DenialStore): Promise<void> {
  const denials = [
    denial(0, 'team-a', { destination: 'a.example.com', repeats: 3 }),
    denial(1, 'team-a', { destination: 'a.example.com', port: 80, protocol: 'HTTP', pod: 'etl-1' }),
    denial(2, 'team-a', {
      destination: 'acme-data.s3.us-west-2.amazonaws.com',
      reason: 'BUCKET_NOT_ALLOWED',
      destinationType: 'STORAGE',
    }),
    denial(3, 'team-a', { destination: 'db.example.com', port: 5432, protocol: 'TCP', reason: 'NOT_TLS' }),
    denial(4, 'team-a', { destination: '169.254.169.254', port: 80, reason: 'METADATA_ADDRESS' }),
    denial(5, 'team-b', { destination: 'b.example.com' }),
    denial(6, 'team-c', { destination: 'c.example.com' }),
    denial(7, 'team-b', { destination: 'evil.example.com', accessType: 'DROP' }),
  ];
  await storeUses(store);
  await store.append({ gateway: 'gw-1', logFile: 'access.log', upTo: denials.length * lineBytes, denials });
}

const DAY_MS = 86_400_000;

/** Of the policy that two share, as a gateway of now has counted it: for two days, and one entry only since an hour. */
async function storeUses(store: DenialStore): Promise<void> {
  const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
  const counted = (entry: string, sinceMs: number, lastUsed: string | null) => ({
    ...{ list: 'allowedInternetDestinations' as const, entry, since: ago(sinceMs) },
    ...{ connections: lastUsed === null ? 0 : 1, firstUsed: lastUsed, lastUsed },
  });
  const entries = [
    counted('kept.example.com', 2 * DAY_MS, ago(DAY_MS / 2)),
    counted('unused.example.com', 2 * DAY_MS, null),
    counted('new.example.com', DAY_MS / 24, null),
  ];
  const policies = [{ policy: 'shared', workspace: null, entries }];
  await store.recordUses('gw-1', { time: ago(0), state: 'COUNTING', missedUntil: null, policies });
}

const POLICY = {
  allowedInternetDestinations: ['kept', 'unused', 'new'].map((name) => ({
    destination: `${name}.example.com`,
  })),
  policyEnforcement: { enforcementMode: 'DRY_RUN' },
};

/** What people write, and what the operator would write of it: team-a and team-b share a policy. */
async function writeObjects(): Promise<void> {
  const policies = [policyManifest('shared', POLICY), policyManifest('default-policy')];
  const objects = [
    ...['team-a', 'team-b', 'team-c'].map((name) => workspaceManifest(name)),
    ...['team-a', 'team-b'].map((name) => manifest('PolicyAssignment', name, { networkPolicyId: 'shared' })),
    ...policies,
  ];
  const { plans, tables } = compileSnapshot(readSnapshot(...objects));
  for (const { kind, metadata, spec } of [...plans, ...tables])
    await scene.apply({
      ...{ apiVersion: API_VERSION, kind, spec },
      metadata: { name: metadata.name, namespace: SYSTEM_NAMESPACE },
    });
  for (const policy of policies) await scene.apply(policy);
}

async function grant(): Promise<void> {
  const home = ['-n', SYSTEM_NAMESPACE];
  const people = ['--user', 'ada', '--user', 'bob'];
  await scene.kubectl('create', 'namespace', 'team-a');
  await scene.kubectl(
    ...['create', 'rolebinding', 'denials', '-n', 'team-a', '--user', 'ada'],
    ...['--clusterrole', 'sallyport-denials-viewer'],
  );
  await scene.kubectl(
    'create',
    'clusterrolebinding',
    'viewers',
    '--clusterrole',
    'sallyport-viewer',
    ...people,
  );
  await scene.kubectl(
    'create',
    'role',
    'pods',
    ...home,
    '--verb',
    'get,list',
    '--resource',
    'pods,configmaps',
  );
  await scene.kubectl('create', 'rolebinding', 'pods', ...home, '--role', 'pods', ...people);
  ada = await scene.controlPlane.kubeconfigFor({ user: 'ada' });
  bob = await scene.controlPlane.kubeconfigFor({ user: 'bob' });
}

interface Answering {
  readonly width?: number;
  /** To every question; undefined where nobody can be asked. */
  readonly answer?: (text: string) => Promise<boolean>;
}

async function suggest(options: Partial<ClusterSuggestOptions>, { answer, width }: Answering = {}) {
  let out = '';
  let err = '';
  const status = await clusterSuggestCommand(
    { since: '24h', output: 'table', kubeconfig: scene.controlPlane.adminKubeconfig, ...options },
    {
      ...{ environment: {}, openPort: scene.openPort, width },
      write: (text) => void (out += text),
      complain: (text) => void (err += text),
      confirm:
        answer === undefined
          ? undefined
          : (text) => {
              out += text;
              return answer(text);
            },
    },
  );
  return { status, out, err };
}

async function storedAccess(policy: string): Promise<unknown> {
  const stored = JSON.parse(await scene.kubectl('get', 'snp', policy, '-o', 'json')) as {
    readonly spec: { readonly egress: { readonly networkAccess: unknown } };
  };
  return stored.spec.egress.networkAccess;
}

test('what dry-run recorded becomes entries of each policy, with who and how often', async () => {
  const { status, out, err } = await suggest({});
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out).toMatch(/NetworkPolicy "shared", of workspaces team-a, team-b\n\nAdd\n/);
  const lines = out.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, '  '));
  const time = String.raw`\d{4}-\d\d-\d\dT[\d:]+Z`;
  for (const line of [
    `a\\.example\\.com  80/HTTP 443/TLS  4  ${time}  ${time}  General Compute  etl-1,team-a-0`,
    `s3://acme-data \\(us-west-2\\)  443/TLS  1  ${time}  ${time}  General Compute  team-a-0`,
    `db\\.example\\.com  5432/TCP  1  ${time}  ${time}  General Compute  team-a-0`,
    `b\\.example\\.com  443/TLS  1  ${time}  ${time}  General Compute  team-b-0`,
    `169\\.254\\.169\\.254:80  METADATA_ADDRESS  1  .*`,
    `c\\.example\\.com  443/TLS  1  .*`,
  ])
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${line}$`)));
  expect(out).toMatch(/only with --include denied\n.*\n {2}evil\.example\.com .*\n\n/);
});

test('what an enforced policy denied is part of a patch only where somebody asks for it', async () => {
  const [kept, included] = [
    await suggest({ namespace: 'team-b', output: 'patch' }),
    await suggest({ namespace: 'team-b', output: 'patch', include: 'denied' }),
  ];
  expect(kept.out).not.toContain('evil.example.com');
  expect(kept.err).toMatch(/^Note: 1 entry .* is left out: .*--include denied/);
  expect(included.out).toContain('- destination: evil.example.com');
  expect(included.err).toBe('');
});

test.each([80, 160])('a terminal of %d columns leaves out what has no room', async (width) => {
  const { out } = await suggest({}, { width });
  const added = out
    .split('\n')
    .filter((line) => /^ .*(?:COUNT|443\/TLS)/.test(line) && !line.includes('WHY'));
  expect(added.length).toBeGreaterThan(3);
  expect(Math.max(...added.map((line) => line.length))).toBeLessThanOrEqual(width);
  expect(added[0]?.includes('PODS')).toBe(width === 160);
});

test('who may read the denials of one workspace is told of those only, and that there may be more', async () => {
  const { status, out, err } = await suggest({ kubeconfig: ada });
  expect({ status, out }).toEqual({ status: 0, out: expect.stringContaining('a.example.com') });
  expect(out).not.toMatch(/ [bc]\.example\.com/);
  expect(err).toContain('Of workspaces only where you may get denials.sallyport.dev');
  const other = await suggest({ kubeconfig: ada, namespace: 'team-b' });
  expect(other).toEqual({
    ...{ status: 1, out: '' },
    err: expect.stringMatching(/^Cannot read denials of "team-b": you may not get denials\.sallyport\.dev/),
  });
});

test('who may read no denials is not told that there is nothing to change', async () => {
  const { err } = await suggest({ kubeconfig: bob });
  expect(err).toContain('you may not get denials.sallyport.dev in the whole cluster');
  expect(await suggest({ kubeconfig: bob, namespace: 'team-a' })).toMatchObject({ status: 1, out: '' });
});

test('what no gateway let through is called unused, where each of now has counted it all the time', async () => {
  await scene.apply(reportOf('api-1', 'API'));
  const { out } = await suggest({ namespace: 'team-a' });
  expect(out).toMatch(/\nRemove\n +ENTRY +WHY\n +unused\.example\.com +never used since it is counted\n\n/);
  expect(out).toMatch(
    /\nNot judged, since its uses are .* --since: \S+ \((?:not counted yet|since \S+Z)\)\. /,
  );
  const longer = await suggest({ namespace: 'team-a', since: '3d' });
  expect(longer.out).toMatch(
    /\nNot judged, since their uses are [^(]*: unused\.example\.com \(since \S+Z\), new\.example\.com \(/,
  );
  const [partly, unknown] = [
    await suggest({ kubeconfig: ada, namespace: 'team-a' }),
    await suggest({ namespace: 'team-c' }),
  ];
  for (const { out: shown } of [partly, unknown])
    expect(shown).toContain('How often entries are used is not known here, so none is called unused');
  await scene.apply(reportOf('gw-2', 'EGRESS'));
  const silent = await suggest({ namespace: 'team-a' });
  expect(silent.out).not.toContain('\nRemove\n');
  await scene.kubectl('delete', 'sgr', 'gw-2', '-n', SYSTEM_NAMESPACE);
});

/** Of a pod that has not told the collector how often entries are used. */
function reportOf(name: string, direction: string): object {
  const spec = { direction, ready: true, renewTime: new Date().toISOString() };
  return {
    apiVersion: API_VERSION,
    kind: 'GatewayReport',
    metadata: { name, namespace: SYSTEM_NAMESPACE },
    spec,
  };
}

test('-n chooses one workspace by name or id, and says which there are', async () => {
  for (const namespace of ['team-c', 'id-team-c']) {
    const { out } = await suggest({ namespace });
    expect(out).toMatch(/^NetworkPolicy "default-policy", of workspace team-c\n/);
    expect(out).not.toContain('"shared"');
  }
  expect(await suggest({ namespace: 'nosuch' })).toEqual({
    ...{ status: 1, out: '' },
    err: 'Cannot find workspace "nosuch": there are "team-a", "team-b", "team-c"\n',
  });
});

test.each<[Partial<ClusterSuggestOptions>, RegExp]>([
  [{ apply: true }, /^Cannot ask before the policies change: this is no terminal/],
  [{ yes: true }, /^Cannot use --yes alone/],
  [{ apply: true, yes: true, output: 'patch' }, /^Cannot use --apply with -o patch/],
  [{ since: 'never' }, /^--since: /],
  [{ minCount: '0' }, /^Cannot use --min-count "0"/],
  [{ wildcards: '1' }, /^Cannot use --wildcards "1"/],
  [{ wildcards: 'data.example.com,github.io' }, /^--wildcards: Cannot allow "\*\.github\.io"/],
])('%j is refused before anything is asked', async (options, sentence) => {
  expect(await suggest(options)).toEqual({ status: 2, out: '', err: expect.stringMatching(sentence) });
});

test('a policy is not changed where a person says no, may not, or somebody else was faster', async () => {
  const before = await storedAccess('shared');
  const declined = await suggest({ namespace: 'team-a', apply: true }, { answer: async () => false });
  expect(declined).toMatchObject({ status: 1, out: expect.stringMatching(/Nothing is changed\n$/) });
  const forbidden = await suggest({ kubeconfig: ada, namespace: 'team-a', apply: true, yes: true });
  expect(forbidden.status).toBe(1);
  expect(forbidden.err).toMatch(
    /Cannot change NetworkPolicy "shared": .*forbidden.*; ask somebody who may patch networkpolicies/,
  );
  const overtaken = await suggest(
    { namespace: 'team-a', apply: true },
    {
      answer: async () => {
        await scene.kubectl('annotate', 'snp', 'shared', 'example.com/changed=yes');
        return true;
      },
    },
  );
  expect(overtaken).toMatchObject({
    ...{ status: 1 },
    err: 'Cannot change NetworkPolicy "shared": somebody has changed it meanwhile; suggest again\n',
  });
  expect(await storedAccess('shared')).toEqual(before);
});

test('-o patch is what kubectl patch takes, at that version', async () => {
  const { out } = await suggest({ namespace: 'team-c', output: 'patch' });
  expect(out).toMatch(/^# kubectl patch snp default-policy --type merge --patch-file FILE\nmetadata:\n/);
  const args = ['patch', 'snp', 'default-policy', '--type', 'merge', '--dry-run=server', '--patch', out];
  expect(await scene.kubectl(...args)).toContain('patched');
});

test('--apply says whom else the change concerns, and changes the policy', async () => {
  const shown = await suggest({ namespace: 'team-a', apply: true }, { answer: async () => true });
  expect(shown).toMatchObject({ status: 0, err: '' });
  expect(shown.out).toContain('\n+        - destination: a.example.com\n');
  expect(shown.out).toContain(
    '\nIt is the policy of 2 workspaces, and changes for all of them: team-a, team-b\nChange NetworkPolicy "shared"? [y/N] ',
  );
  expect(await storedAccess('shared')).toMatchObject({
    allowedInternetDestinations: [
      { destination: 'kept.example.com' },
      { destination: 'new.example.com' },
      { destination: 'a.example.com' },
      { destination: 'db.example.com', ports: [{ port: 5432, protocol: 'TCP' }] },
    ],
    allowedStorageDestinations: [
      { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    ],
    policyEnforcement: { enforcementMode: 'DRY_RUN' },
  });
});

test('--yes asks nobody, and default-policy and who manages a policy are named', async () => {
  await scene.kubectl('label', 'snp', 'default-policy', 'app.kubernetes.io/managed-by=Helm');
  const { status, out } = await suggest({ namespace: 'team-c', apply: true, yes: true });
  expect(status).toBe(0);
  expect(out).toContain('"default-policy" is the policy of every workspace without another');
  expect(out).toContain('"Helm" manages this policy and may undo the change');
  expect(out).toMatch(/\[y\/N\] yes\nChanged NetworkPolicy "default-policy"\n$/);
  expect(await storedAccess('default-policy')).toMatchObject({
    allowedInternetDestinations: [{ destination: 'c.example.com', ports: [{ port: 443, protocol: 'TLS' }] }],
  });
});
