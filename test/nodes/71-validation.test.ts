// The page's own validation (R49-R63) on nodes: pods of each product, with the labels that other operators give them and
// with real owners, try what is trusted and what is not; then the page's query has exactly a row for each denial that
// the clients saw, with who it was. One product is in dry-run.
import { type DenialRow, pageQuery, rowsOf } from '../support/nodes/asked-denials.ts';
import { apply, kubectl, kubectlJson, onNode } from '../support/nodes/commands.ts';
import { removeAgain } from '../support/nodes/installation.ts';
import type { Node } from '../support/nodes/outside-routes.ts';
import { type Pod, pods, readyPods, SYSTEM } from '../support/nodes/pods.ts';
import { outcomesOf, type Workload, workloadYaml } from '../support/nodes/probes.ts';
import type { Attempt } from '../support/nodes/reach.ts';
import { workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

/** Of each run, since the log has the rows of former ones. */
const ID = Math.floor(Date.now() / 1000);
const PAGE = `page-${ID.toString(36)}`;
const TRUSTED: Attempt = { way: 'proxy', url: 'https://allowed.example/' };
const LONG_ENOUGH_MS = 5000;

interface Probe extends Pick<Workload, 'kind' | 'name' | 'labels'> {
  readonly product: string;
  readonly sourceType: string;
  readonly owner: string | null;
  readonly isDryRun?: true;
}

const PROBES: readonly Probe[] = [
  {
    ...{ kind: 'Deployment', name: 'warehouse', labels: { 'app.kubernetes.io/name': 'trino' } },
    ...{ product: 'DBSQL', sourceType: 'DBSQL', owner: 'Deployment/warehouse' },
  },
  {
    ...{ kind: 'Deployment', name: 'model', labels: { 'serving.kserve.io/inferenceservice': 'model' } },
    ...{ product: 'ML_SERVING', sourceType: 'MLServing', owner: 'Deployment/model' },
  },
  {
    ...{ kind: 'Pod', name: 'build', labels: { 'tekton.dev/taskRun': 'build' } },
    ...{ product: 'ML_BUILD', sourceType: 'ML Build', owner: null },
  },
  {
    ...{ kind: 'Pod', name: 'driver', labels: { 'spark-role': 'driver' } },
    ...{ product: 'PIPELINES', sourceType: 'DLT', owner: null },
  },
  {
    ...{ kind: 'Pod', name: 'executor', labels: { 'spark-role': 'executor' } },
    ...{ product: 'PIPELINES', sourceType: 'DLT', owner: 'Pod/driver' },
  },
  {
    ...{ kind: 'StatefulSet', name: 'notebook', labels: { 'notebook-name': 'notebook' } },
    ...{ product: 'NOTEBOOKS', sourceType: 'General Compute', owner: 'StatefulSet/notebook' },
  },
  {
    ...{ kind: 'Deployment', name: 'app', labels: { 'sallyport.dev/product': 'APPS' } },
    ...{ product: 'APPS', sourceType: 'Apps', owner: 'Deployment/app' },
  },
  {
    ...{ kind: 'Job', name: 'once' },
    ...{ product: 'JOBS', sourceType: 'General Compute', owner: 'Job/once', isDryRun: true },
  },
  {
    ...{ kind: 'CronJob', name: 'nightly' },
    ...{ product: 'JOBS', sourceType: 'General Compute', owner: 'CronJob/nightly', isDryRun: true },
  },
];

/** Names and buckets of its own for each, so that a row says which probe it is of. */
function attemptsOf({ name, isDryRun }: Probe): readonly Attempt[] {
  // What passes in dry-run must be there.
  if (isDryRun) return [TRUSTED, { way: 'proxy', url: 'https://denied.example/' }];
  return [
    TRUSTED,
    { way: 'proxy', url: `https://${name}.untrusted.example/` },
    { way: 'dns', url: `https://${name}-looked-up.untrusted.example/` },
    { way: 'proxy', url: `https://${name}-bucket.s3.us-west-2.amazonaws.com/` },
  ];
}

const outcomesFor = ({ isDryRun }: Probe): readonly string[] =>
  isDryRun ? ['200', '200'] : ['200', '403 DESTINATION_NOT_ALLOWED', 'ENOTFOUND', '403 BUCKET_NOT_ALLOWED'];

/** What the query must say of one probe. */
function rowsFor(probe: Probe, pod: Pod): readonly object[] {
  const { name, product, sourceType, owner, isDryRun } = probe;
  const who = {
    ...{ workspace: PAGE, network_source_type: sourceType, product, who: 'POD', owner },
    ...{ pod: pod.metadata.name, node: pod.spec.nodeName, repeats: 1, lost: 0 },
  };
  const of = (destination: string, changes: object) => ({
    ...{ ...who, access_type: isDryRun ? 'DRY_RUN_DENIAL' : 'DROP', destination_type: 'DNS', destination },
    ...{ dns_event: { domain_name: destination, rcode: null }, storage_event: null, port: 443 },
    ...{ reason: 'DESTINATION_NOT_ALLOWED', ...changes },
  });
  if (isDryRun) return [of('denied.example', {})];
  const [lookedUp, host] = [
    `${name}-looked-up.untrusted.example`,
    `${name}-bucket.s3.us-west-2.amazonaws.com`,
  ];
  const rejection_reason = 'storage-bucket-denied';
  return [
    of(`${name}.untrusted.example`, {}),
    of(lookedUp, { dns_event: { domain_name: lookedUp, rcode: 3 }, port: null }),
    of(host, {
      ...{ destination_type: 'STORAGE', dns_event: null, reason: 'BUCKET_NOT_ALLOWED' },
      storage_event: { hostname: `s3://${name}-bucket`, path: null, rejection_reason },
    }),
  ];
}

const COMPARED = [
  'workspace',
  'network_source_type',
  'product',
  'who',
  'owner',
  'pod',
  'node',
  'repeats',
  'lost',
];
const ALSO = [
  'access_type',
  'destination_type',
  'destination',
  'dns_event',
  'storage_event',
  'port',
  'reason',
];

const compared = (row: DenialRow): object =>
  Object.fromEntries([...COMPARED, ...ALSO].map((column) => [column, row[column]]));

const inOrder = (rows: readonly object[]): readonly object[] =>
  rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
const keyOf = (row: object): string => {
  const { destination, source, pod } = row as Record<string, unknown>;
  return `${String(destination)} ${String(pod)} ${String(source)}`;
};

const expected: object[] = [];
const probed = new Map<string, Pod>();

beforeAll(async () => {
  await apply(`apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: policy-page }
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations: [{ destination: allowed.example }]
      policyEnforcement: { enforcementMode: DRY_RUN, dryRunModeProductFilter: [JOBS] }
---
${workspace(PAGE, ID, 'policy-page')}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: use-jobs, namespace: ${PAGE} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sallyport-use-jobs }
subjects: [{ kind: ServiceAccount, name: default, namespace: ${PAGE} }]
`);
  await kubectl(['wait', '--for=condition=Ready', `spa/${PAGE}`, '--timeout=60s']);
}, 120_000);

afterAll(() => removeAgain([PAGE], ['policy-page']));

/** The pod of a probe, once there is one. */
async function podOf({ kind, name }: Probe): Promise<Pod> {
  if (kind === 'CronJob')
    await kubectl(['-n', PAGE, 'create', 'job', `${name}-now`, `--from=cronjob/${name}`]);
  let found: Pod | undefined;
  await until(`there is a pod of ${name}`, async () => {
    [found] = await pods(PAGE, `app=${name}`);
    return found?.spec.nodeName !== undefined;
  });
  return found as Pod;
}

async function run(probe: Probe): Promise<Pod> {
  const driver = probed.get('driver');
  const isExecutor = probe.name === 'executor' && driver !== undefined;
  const ownedBy = isExecutor ? { kind: 'Pod', name: 'driver', uid: driver.metadata.uid } : undefined;
  const base = { ...probe, namespace: PAGE, attempts: attemptsOf(probe) };
  await apply(await workloadYaml(ownedBy === undefined ? base : { ...base, ownedBy }));
  const pod = await podOf(probe);
  probed.set(probe.name, pod);
  return pod;
}

test('each product reaches what is trusted and nothing else, and sees why', async () => {
  for (const probe of PROBES) await run(probe);
  for (const probe of PROBES) {
    const pod = probed.get(probe.name) as Pod;
    expect([probe.name, await outcomesOf(pod)]).toEqual([probe.name, outcomesFor(probe)]);
    expect(pod.metadata.labels).toMatchObject({ 'sallyport.dev/product': probe.product });
    expected.push(...rowsFor(probe, pod));
  }
});

test('a UDF has no network, as the page’s ping_google says', async () => {
  const probe: Probe = {
    ...{ kind: 'Pod', name: 'udf', labels: { 'sallyport.dev/product': 'SQL_UDF' } },
    ...{ product: 'SQL_UDF', sourceType: 'DBSQL', owner: null },
  };
  const attempts: readonly Attempt[] = [TRUSTED, { way: 'proxy', url: 'https://www.google.com/' }];
  await apply(await workloadYaml({ ...probe, namespace: PAGE, attempts }));
  const pod = await podOf(probe);
  const reasons = ['INTERNET_SEALED', 'DESTINATION_NOT_ALLOWED'];
  expect(await outcomesOf(pod)).toEqual(reasons.map((reason) => `403 ${reason}`));
  for (const [at, destination] of ['allowed.example', 'www.google.com'].entries()) {
    const dns_event = { domain_name: destination, rcode: null };
    expected.push({ ...rowsFor(probe, pod)[0], destination, dns_event, reason: reasons[at] });
  }
});

test('a pod that lived for a second is in the log, with all that is known of it', async () => {
  const probe: Probe = {
    ...{ kind: 'Pod', name: 'brief', labels: { 'tekton.dev/taskRun': 'brief' } },
    ...{ product: 'ML_BUILD', sourceType: 'ML Build', owner: null },
  };
  const attempts: readonly Attempt[] = [{ way: 'proxy', url: 'https://brief.untrusted.example/' }];
  await apply(await workloadYaml({ ...probe, namespace: PAGE, attempts }));
  const pod = await podOf(probe);
  expect(await outcomesOf(pod)).toEqual(['403 DESTINATION_NOT_ALLOWED']);
  // Gone, too, before anybody asks.
  await kubectl([
    '-n',
    PAGE,
    'wait',
    '--for=jsonpath={.status.phase}=Succeeded',
    'pod/brief',
    '--timeout=60s',
  ]);
  const { status } = await kubectlJson<BriefPod>(['-n', PAGE, 'get', 'pod', 'brief']);
  const { startedAt, finishedAt } = status.containerStatuses[0]?.state.terminated ?? {};
  expect(Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')).toBeLessThanOrEqual(2000);
  await kubectl(['-n', PAGE, 'delete', 'pod', 'brief']);
  expected.push(...rowsFor(probe, pod).slice(0, 1));
});

interface BriefPod {
  readonly status: {
    readonly containerStatuses: readonly {
      readonly state: { readonly terminated?: { readonly startedAt: string; readonly finishedAt: string } };
    }[];
  };
}

test('a process with the address of its node is named by its node, and one of nobody’s address is unknown', async () => {
  const gateway = (await readyPods(SYSTEM, 'app.kubernetes.io/name=sallyport-gateway'))[0] as Pod;
  const node = gateway.spec.nodeName ?? '';
  const { spec } = await kubectlJson<PlanPorts>(['-n', SYSTEM, 'get', 'workspaceplan', PAGE]);
  const port = spec.lanes.find(({ lane }) => lane === 'enforced')?.firstPort;
  const proxy = `http://${gateway.status.podIP}:${port}`;
  const ask = (options: string, host: string): Promise<string> =>
    onNode(
      node,
      `curl -s -o /dev/null -m 5 -w '%{http_connect}' ${options} -x ${proxy} https://${host}/ || true`,
    );
  const address = (await kubectlJson<Node>(['get', 'node', node])).status.addresses[0]?.address ?? '';
  expect(await ask(`--interface ${address}`, 'of-host.untrusted.example')).toBe('403');
  // Otherwise Cilium's own address of that node, which is that of no object.
  expect(await ask('', 'of-nobody.untrusted.example')).toBe('403');
  const row = {
    ...{
      workspace: PAGE,
      network_source_type: null,
      product: null,
      owner: null,
      pod: null,
      repeats: 1,
      lost: 0,
    },
    ...{ access_type: 'DROP', destination_type: 'DNS', storage_event: null, port: 443 },
    reason: 'DESTINATION_NOT_ALLOWED',
  };
  for (const [destination, who] of [
    ['of-host.untrusted.example', { who: 'HOST_NETWORK', node }],
    ['of-nobody.untrusted.example', { who: 'UNKNOWN_SOURCE', node: null }],
  ] as const)
    expected.push({ ...row, ...who, destination, dns_event: { domain_name: destination, rcode: null } });
});

interface PlanPorts {
  readonly spec: { readonly lanes: readonly { readonly lane: string; readonly firstPort: number }[] };
}

test('the page’s query has exactly these denials, newest first', async () => {
  const wanted = inOrder(expected);
  await until(
    'all denials are in the log',
    async () => (await rowsOf(pageQuery(PAGE))).length >= wanted.length,
  );
  // Rows that nobody expects would come, too.
  await new Promise((resolve) => setTimeout(resolve, LONG_ENOUGH_MS));
  const rows = await rowsOf(pageQuery(PAGE));
  expect(inOrder(rows.map(compared))).toEqual(wanted);
  const times = rows.map((row) => String(row['event_time']));
  expect(times).toEqual(times.toSorted().reverse());
});

test('builds of models are found by their source type, and storage by bucket', async () => {
  const builds = await rowsOf<{ destination: string }>(
    `select destination from system.access.outbound_network where network_source_type = 'ML Build' and workspace = '${PAGE}' and destination_type = 'DNS' order by destination`,
  );
  const ofBuild = ['brief.untrusted.example', 'build-looked-up.untrusted.example', 'build.untrusted.example'];
  expect(builds.map(({ destination }) => destination)).toEqual(ofBuild);
  const buckets = await rowsOf<{ bucket: string; denials: number }>(
    `select storage_event.hostname as bucket, sum(repeats)::int as denials from system.access.outbound_network where workspace = '${PAGE}' and storage_event is not null group by bucket order by bucket`,
  );
  const probing = PROBES.filter(({ isDryRun }) => !isDryRun).map(({ name }) => `s3://${name}-bucket`);
  expect(buckets).toEqual(probing.toSorted().map((bucket) => ({ bucket, denials: 1 })));
});
