// What the chart renders: golden files for the main sets of values, and what must hold for all of them. After a wanted
// change "npm run manifests" writes the golden files anew.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  API_ACCOUNT,
  COLLECTOR_ACCOUNT,
  GATEWAY_ACCOUNT,
  GATEWAY_LABEL,
  INGRESS_ACCOUNT,
  OPERATOR_ACCOUNT,
} from '../../operator/model/system-names.ts';
import { CHART, Helm } from '../support/chart/helm.ts';
import { renderPlain } from '../support/chart/plain-manifest.ts';
import {
  goldenOf,
  type Manifest,
  manifestsOf,
  render,
  renderNotes,
  VALUE_SETS,
} from '../support/chart/value-sets.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'operator/main.ts');
const SETS = Object.keys(VALUE_SETS);
const rendered = new Map<string, string>();
let helm: Helm;

beforeAll(async () => {
  helm = await Helm.find();
  for (const name of SETS) rendered.set(name, await render(helm, name));
});

afterAll(() => helm.remove());

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly securityContext: unknown;
  readonly resources: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly volumeMounts?: readonly { readonly name: string }[];
  readonly lifecycle?: { readonly preStop: { readonly exec?: { readonly command: readonly string[] } } };
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

interface Deployment extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly spec: PodSpec };
  };
}

function deploymentsOf(name: string): readonly Deployment[] {
  return manifestsOf(rendered.get(name) ?? '').filter(({ kind }) => kind === 'Deployment') as Deployment[];
}

function containersOf({ spec }: Deployment): readonly Container[] {
  return [...(spec.template.spec.initContainers ?? []), ...spec.template.spec.containers];
}

const withoutFile = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe.each(SETS)('with the values "%s"', (name) => {
  it('renders what is in the golden file', () => {
    expect(goldenOf(rendered.get(name) ?? '')).toBe(withoutFile(`test/chart/golden/${name}.yaml`));
  });

  it('says after the installation what is in the golden file', async () => {
    expect(await renderNotes(helm, name)).toBe(withoutFile(`test/chart/golden/${name}.notes.txt`));
  });

  it('gives every container what Pod Security "restricted" asks for, a read-only root and a memory limit', () => {
    for (const container of deploymentsOf(name).flatMap(containersOf)) {
      expect(container).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: expect.anything(), limits: { memory: expect.anything() } },
      });
    }
  });

  it('gives the token of the API server to the agent, never to Envoy', () => {
    const envoys = deploymentsOf(name)
      .flatMap(containersOf)
      .filter((container) => container.name === 'envoy');
    expect(envoys.length).toBeGreaterThan(0);
    for (const { volumeMounts } of envoys)
      expect(volumeMounts?.map((mount) => mount.name)).toEqual(['state']);
  });
});

it('names pods and accounts as the operator and admission know them', () => {
  const names = [OPERATOR_ACCOUNT, GATEWAY_ACCOUNT, INGRESS_ACCOUNT, API_ACCOUNT, COLLECTOR_ACCOUNT];
  const found = deploymentsOf('everything').map(({ spec }) => [
    spec.selector.matchLabels[GATEWAY_LABEL],
    spec.template.spec.serviceAccountName,
  ]);
  expect(found.toSorted()).toEqual(names.map((one) => [one, one]).toSorted());
});

/** What a program says to these arguments and a last option that is wrong: of the others it names one before. */
function complaintOf(args: readonly string[]): string {
  const all = [MAIN, ...args, '--health-port', 'none'];
  return spawnSync(process.execPath, all, { encoding: 'utf8', env: {} }).stderr;
}

const LAST_IS_WRONG = '--health-port: Cannot accept "none": write a port from 0 to 65535\n';

it.each(['operator', 'gateway', 'ingress', 'api', 'collector'])(
  'gives "%s" only arguments that it accepts',
  (role) => {
    const found = deploymentsOf('everything')
      .flatMap(containersOf)
      .find(({ args = [] }) => args[0] === role);
    expect(complaintOf(found?.args ?? [])).toBe(LAST_IS_WRONG);
  },
);

it('runs several collectors without a volume where rows are stored elsewhere, which they may reach', async () => {
  const peers = [{ ipBlock: { cidr: '10.0.0.7/32' } }];
  const { stdout } = await helm.template({
    collector: {
      ...{ enabled: true, replicas: 3, store: 'clickhouse', allowedTo: peers },
      clickhouse: { url: 'https://clickhouse.example/access', credentialsSecret: 'ours' },
      otlp: { url: 'http://otel.example:4318/v1/logs' },
    },
  });
  const own = manifestsOf(stdout).filter(({ metadata }) => metadata.name === 'sallyport-collector');
  expect(own.map(({ kind }) => kind)).not.toContain('PersistentVolumeClaim');
  const of = (kind: string) => own.find((one) => one.kind === kind) as Manifest & { readonly spec: object };
  expect(of('Deployment').spec).toMatchObject({
    ...{ replicas: 3, strategy: { rollingUpdate: { maxUnavailable: 0 } } },
    template: {
      spec: { volumes: [{ name: 'scratch' }, { name: 'clickhouse', secret: { secretName: 'ours' } }] },
    },
  });
  expect(of('NetworkPolicy').spec).toMatchObject({
    egress: [
      {},
      { to: peers, ports: [{ port: 443 }, { port: 4318 }] },
      { ports: [{ port: 53 }, { port: 53 }] },
    ],
  });
  const [{ args = [] } = {}] = containersOf(of('Deployment') as Deployment);
  expect(complaintOf(args)).toBe(LAST_IS_WRONG);
  expect(args).not.toContain('--state');
});

it('gives gateways a token for the collector and its address where there is one, and else neither', () => {
  const agents = (name: string) =>
    deploymentsOf(name)
      .flatMap(containersOf)
      .filter((container) => container.name === 'agent');
  for (const { args = [], volumeMounts = [] } of agents('everything')) {
    expect(args.join(' ')).toContain('--collector https://sallyport-collector.sallyport-system.svc:8444');
    expect(volumeMounts.map((mount) => mount.name)).toContain('collector-token');
  }
  for (const { args = [], volumeMounts = [] } of agents('without-collector')) {
    expect(args).not.toContain('--collector');
    expect(volumeMounts.map((mount) => mount.name)).toEqual(['state', 'token']);
  }
});

it('lets the REST API send rows to the collector where there is one, and else write them', async () => {
  const api = { enabled: true, allowedFrom: [{ namespaceSelector: {} }] };
  const containerOf = async (collector: object) => {
    const { stdout } = await helm.template({ api, collector });
    const found = manifestsOf(stdout).find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'sallyport-api',
    );
    return containersOf(found as Deployment)[0];
  };
  const sends = await containerOf({});
  expect(sends?.args?.join(' ')).toContain('--state /state --spool-bytes 268435456 --collector https://');
  expect(sends?.volumeMounts?.map((mount) => mount.name)).toEqual(['state', 'collector-token']);
  const writes = await containerOf({ enabled: false });
  expect(writes?.args).not.toContain('--collector');
  expect(writes?.volumeMounts).toBeUndefined();
});

it('is of the version of the program', () => {
  const { version } = JSON.parse(withoutFile('package.json')) as { readonly version: string };
  const chart = readFileSync(join(CHART, 'Chart.yaml'), 'utf8');
  expect(chart).toContain(`\nversion: ${version}\n`);
  expect(chart).toContain(`\nappVersion: ${version}\n`);
});

it('installs into the Namespace of the release, and names no other', async () => {
  const { stdout } = await helm.run(['template', 'sallyport', CHART, '--namespace', 'elsewhere']);
  expect(stdout).toContain('system:serviceaccount:elsewhere:sallyport-operator');
  expect(stdout).not.toContain('sallyport-system');
});

it('keeps CRDs only where it should', async () => {
  const kept = async (keep: boolean): Promise<number> => {
    const { stdout } = await helm.template({ crds: { keep } });
    const crds = manifestsOf(stdout).filter(({ kind }) => kind === 'CustomResourceDefinition');
    return crds.filter((one) => JSON.stringify(one).includes('"helm.sh/resource-policy":"keep"')).length;
  };
  expect([await kept(true), await kept(false)]).toEqual([11, 0]);
});

it('has a plain manifest of the same objects', async () => {
  expect(await renderPlain(helm)).toBe(withoutFile('charts/plain/workloads.yaml'));
});
