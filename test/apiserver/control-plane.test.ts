// The test control plane is a real one: the CRDs are served, bad resources get readable answers, identities are those
// asked for, and it can be stopped and started without a trace.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCrds,
  startControlPlane,
} from '../support/cluster/control-plane.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCrds(controlPlane);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => controlPlane.stop());

/** What kubectl prints; throws what it says on standard error. */
async function kubectl(args: readonly string[], stdin = '', kubeconfig?: string): Promise<string> {
  const options = { stdin, ...(kubeconfig === undefined ? {} : { kubeconfig }) };
  const { code, stdout, stderr } = await controlPlane.kubectl(args, options);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

function policy(name: string, networkAccess: object): string {
  const metadata = { name };
  const spec = { egress: { networkAccess } };
  return JSON.stringify({ apiVersion: 'sallyport.dev/v1alpha1', kind: 'NetworkPolicy', metadata, spec });
}

function apply(text: string): Promise<string> {
  return kubectl(['apply', '--server-side', '-f', '-'], text);
}

interface Review {
  readonly status: {
    readonly userInfo: { readonly username: string; readonly groups: string[]; readonly extra: object };
  };
}

async function whoIs(kubeconfig: string): Promise<Review['status']['userInfo']> {
  const review = await kubectl(['auth', 'whoami', '-o', 'json'], '', kubeconfig);
  return (JSON.parse(review) as Review).status.userInfo;
}

describe('installCrds()', () => {
  it('leaves every CRD of crds/ with the names that it asks for and no complaint about its schema', async () => {
    const columns =
      'custom-columns=NAME:.metadata.name,CONDITIONS:.status.conditions[*].type,STATUS:.status.conditions[*].status';
    const rows = (await kubectl(['get', 'crd', '-o', columns, '--no-headers'])).trim().split('\n');
    expect(rows).toHaveLength(11);
    for (const row of rows) {
      expect(row).toMatch(/^\w+\.sallyport\.dev +NamesAccepted,Established +True,True$/);
    }
  });

  it('serves the examples as they are, applied at once to an empty cluster', async () => {
    const applied = await kubectl(['apply', '--server-side', '-f', 'examples/acme']);
    expect(applied).toContain('networkpolicy.sallyport.dev/default-policy serverside-applied');
    expect(applied).toContain('workspaceconf.sallyport.dev/workspace serverside-applied');
    await kubectl(['delete', '--wait=false', '-f', 'examples/acme']);
  });
});

describe('the API server', () => {
  const destinations = (count: number): object => ({
    restrictionMode: 'RESTRICTED_ACCESS',
    allowedInternetDestinations: Array.from({ length: count }, (_, i) => ({ destination: `d${i}.example` })),
  });

  it('stores a policy of 2,500 destinations', async () => {
    expect(await apply(policy('large', destinations(2500)))).toContain('large serverside-applied');
  });

  it('stores the most of the longest names, allowed and blocked', async () => {
    const long = Array.from({ length: 2500 }, (_, i) => ({
      destination: `${`${'l'.repeat(59)}.`.repeat(4)}d${i}`,
    }));
    const all = { allowedInternetDestinations: long, blockedInternetDestinations: long.slice(0, 500) };
    expect(await apply(policy('longest', { ...destinations(0), ...all }))).toContain('serverside-applied');
  });

  it('rejects a policy of 2,501 destinations and says how many there may be', async () => {
    const rejected = apply(policy('too-large', destinations(2501)));
    await expect(rejected).rejects.toThrow(
      /allowedInternetDestinations: Too many: 2501: must have at most 2500/,
    );
  });

  it('rejects a destination that is no name with a sentence, not with a pattern', async () => {
    const allowedInternetDestinations = [{ destination: 'https://example.com/' }];
    const rejected = apply(
      policy('url', { restrictionMode: 'RESTRICTED_ACCESS', allowedInternetDestinations }),
    );
    await expect(rejected).rejects.toThrow(
      /destination: Invalid value: .*: write a domain name such as "example\.com" or "\*\.example\.com", without scheme/,
    );
  });

  it('rejects an unknown restriction mode and lists the known ones', async () => {
    const rejected = apply(policy('unknown', { restrictionMode: 'OPEN' }));
    await expect(rejected).rejects.toThrow(
      /restrictionMode: Unsupported value: "OPEN": supported values: "FULL_ACCESS", "RESTRICTED_ACCESS"/,
    );
  });

  it('gives a Service addresses of both families', async () => {
    await kubectl(['create', 'service', 'clusterip', 'dual', '--tcp=80']);
    await kubectl(['patch', 'service', 'dual', '-p', '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}']);
    const addresses = await kubectl(['get', 'service', 'dual', '-o', 'jsonpath={.spec.clusterIPs}']);
    expect(JSON.parse(addresses)).toEqual([
      expect.stringMatching(/^10\.96\./),
      expect.stringMatching(/^fd00:10:96::/),
    ]);
  });
});

describe('ControlPlane', () => {
  it('kubeconfigFor() signs in as that user with those groups and no rights', async () => {
    const kubeconfig = await controlPlane.kubeconfigFor({ user: 'ada', groups: ['tenants', 'testers'] });
    expect(await whoIs(kubeconfig)).toMatchObject({
      username: 'ada',
      groups: ['tenants', 'testers', 'system:authenticated'],
    });
    await expect(kubectl(['get', 'pods'], '', kubeconfig)).rejects.toThrow(/User "ada" cannot list/);
  });

  it('serviceAccountKubeconfig() carries the name of the pod that it is bound to', async () => {
    await kubectl(['create', 'namespace', 'bound']);
    await kubectl(['create', 'serviceaccount', 'gateway', '-n', 'bound']);
    const spec = { serviceAccountName: 'gateway', containers: [{ name: 'main', image: 'main' }] };
    const metadata = { name: 'gateway-0', namespace: 'bound' };
    await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
    const bound = await controlPlane.serviceAccountKubeconfig('bound', 'gateway', 'gateway-0');
    expect(await whoIs(bound)).toMatchObject({
      username: 'system:serviceaccount:bound:gateway',
      extra: { 'authentication.kubernetes.io/pod-name': ['gateway-0'] },
    });
    const free = await whoIs(await controlPlane.serviceAccountKubeconfig('bound', 'gateway'));
    expect(free.extra).not.toHaveProperty('authentication.kubernetes.io/pod-name');
  });

  it(
    'answers at the same address, with what it stored, after stopApiServer() and startApiServer()',
    async () => {
      await kubectl(['create', 'configmap', 'kept']);
      await controlPlane.stopApiServer();
      await expect(kubectl(['get', 'configmap', 'kept'])).rejects.toThrow(/connection refused|refused/);
      await controlPlane.startApiServer();
      expect(await kubectl(['get', 'configmap', 'kept', '-o', 'name'])).toBe('configmap/kept\n');
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );

  it(
    'without controllers admits pods, and stop() leaves neither process nor file',
    async () => {
      const second = await startControlPlane({ withControllers: false });
      const ids = (): string => spawnSync('pgrep', ['-f', second.folder], { encoding: 'utf8' }).stdout;
      const pod = await second.kubectl(['run', 'main', '--image=main']);
      expect(pod).toMatchObject({ code: 0, stdout: 'pod/main created\n' });
      expect(ids().trim().split('\n')).toHaveLength(2);
      await second.stop();
      expect({ ids: ids(), folder: existsSync(second.folder) }).toEqual({ ids: '', folder: false });
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );
});
