// IP access lists and hosts as people write them -> the IngressPlan of their workspace, and what ingress gateways may
// read for it. The operator and the ingress gateway have their own rights only.
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { ClusterScene, workspaceYaml } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { confYaml, listYaml } from '../support/cluster/ingress-yaml.ts';
import { until } from '../support/until.ts';

let scene: ClusterScene;
/** Path of the kubeconfig of ingress gateways. */
let ingress: string;

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.startOperator();
  ingress = await scene.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, 'sallyport-ingress');
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function ofPlan(path: string, workspace: string): Promise<string> {
  return scene.field(path, 'sip', workspace, '-n', SYSTEM_NAMESPACE);
}

async function untilPlan(path: string, workspace: string, wanted: string): Promise<void> {
  await until(
    `${path} of the plan of ${workspace} is ${wanted}`,
    async () => (await ofPlan(path, workspace)) === wanted,
  );
}

/** What the API server says to ingress gateways. */
async function asIngress(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await scene.controlPlane.kubectl(args, { kubeconfig: ingress });
  return stdout + stderr;
}

it('plans lists and hosts, and follows their changes', async () => {
  await scene.apply(
    [
      workspaceYaml('front', '1'),
      listYaml('front', 'office', { ipAddresses: ['1.1.1.1', '2.2.2.2/21'] }),
      confYaml('front', {
        enableIpAccessLists: true,
        ingress: { hosts: ['Data.Example'], backends: [{ serviceName: 'web', port: 80 }] },
      }),
    ].join('---\n'),
  );
  await untilPlan(
    '{.spec.enableIpAccessLists} {.spec.hosts} {.spec.lists[*].ipAddresses}',
    'front',
    'true ["data.example"] ["1.1.1.1","2.2.2.2/21"]',
  );
  await scene.kubectl('delete', 'ipal', 'office', '-n', 'front');
  await untilPlan('{.spec.lists}', 'front', '[]');
});

it('plans the account from lists with its label in the Namespace of the system', async () => {
  const labels = { 'sallyport.dev/account': 'local' };
  await scene.apply(listYaml(SYSTEM_NAMESPACE, 'hq', { ipAddresses: ['192.0.2.0/24'] }, { labels }));
  await untilPlan('{.spec.level} {.spec.lists[*].listId}', SYSTEM_NAMESPACE, 'ACCOUNT hq');
});

it('lets ingress gateways read the Secret that is named, no other, and no longer than it is', async () => {
  const conf = (tlsSecretName?: string) =>
    confYaml('secret', {
      ingress: {
        hosts: ['secret.example'],
        backends: [{ serviceName: 'web', port: 443 }],
        ...(tlsSecretName === undefined ? {} : { tlsSecretName }),
      },
    });
  await scene.apply(`${workspaceYaml('secret', '2')}---\n${conf('cert')}`);
  for (const name of ['cert', 'other'])
    await scene.kubectl('create', 'secret', 'generic', name, '-n', 'secret', '--from-literal=key=value');
  const get = (name: string) => asIngress('get', 'secret', name, '-n', 'secret', '-o', 'name');
  await until('the Secret can be read', async () => (await get('cert')) === 'secret/cert\n');
  expect(await get('other')).toContain('forbidden');
  expect(await asIngress('get', 'secrets', '-n', 'secret')).toContain('forbidden');
  const one = ['get', 'secrets', '-n', 'secret', '--field-selector=metadata.name=cert', '-o', 'name'];
  expect(await asIngress(...one)).toBe('secret/cert\n');
  await scene.apply(conf('other'));
  await until('the other can be read', async () => (await get('other')) === 'secret/other\n');
  expect(await get('cert')).toContain('forbidden');
  await scene.apply(conf());
  await until('none can be read', async () => (await get('other')).includes('forbidden'));
  expect(await scene.field('{.items[*].metadata.name}', 'roles', '-n', 'secret')).toBe('');
});

it('lets ingress gateways reach the Namespaces of workspaces with hosts, and no other', async () => {
  const reached =
    '{.items[*].spec.egress[*].to[*].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name}';
  await scene.apply(workspaceYaml('plain', '3'));
  await untilPlan('{.spec.workspaceId}', 'plain', '3');
  await until('both are reached', async () => {
    const names = await scene.field(reached, 'netpol', '-n', SYSTEM_NAMESPACE);
    return ['front', 'secret'].every((name) => names.split(' ').includes(name));
  });
  expect(await scene.field(reached, 'netpol', '-n', SYSTEM_NAMESPACE)).not.toContain('plain');
});

it('removes the plan of a Namespace that is no workspace any more, and the right to its Secret', async () => {
  await scene.apply(
    `${workspaceYaml('leaver', '4')}---\n${confYaml('leaver', {
      ingress: { hosts: ['l.example'], backends: [{ serviceName: 'web', port: 1 }], tlsSecretName: 'cert' },
    })}`,
  );
  await until(
    'its Role is there',
    async () =>
      (await scene.field('{.items[*].metadata.name}', 'roles', '-n', 'leaver')) === 'sallyport-ingress-tls',
  );
  await scene.kubectl('label', 'namespace', 'leaver', 'sallyport.dev/workspace-');
  await untilPlan('{.spec.hosts}', 'leaver', '');
  await until(
    'its Role is gone',
    async () => (await scene.field('{.items[*].metadata.name}', 'roles', '-n', 'leaver')) === '',
  );
});

describe('who may write the lists', () => {
  const account = 'sallyport-account-admin';
  const bind = (user: string, namespace: string, role: string): Promise<string> =>
    scene.kubectl('create', 'rolebinding', user, '-n', namespace, role, `--user=${user}`);

  beforeAll(async () => {
    await bind('ana', 'front', '--clusterrole=sallyport-workspace-admin');
    await bind('acc', SYSTEM_NAMESPACE, `--role=${account}`);
  });

  it.each([
    ['ana', 'front', 'yes'],
    ['ana', 'secret', 'no'],
    ['ana', SYSTEM_NAMESPACE, 'no'],
    ['acc', SYSTEM_NAMESPACE, 'yes'],
    ['acc', 'front', 'no'],
  ])('%s in %s: %s', async (user, namespace, wanted) => {
    const kubeconfig = await scene.controlPlane.kubeconfigFor({ user });
    for (const kind of ['ipaccesslists', 'workspaceconfs']) {
      const question = ['auth', 'can-i', 'patch', `${kind}.sallyport.dev`, '-n', namespace];
      const { stdout } = await scene.controlPlane.kubectl(question, { kubeconfig });
      expect(stdout.trim()).toBe(wanted);
    }
  });
});

it('shows lists as a dashboard, with what is wrong with each', async () => {
  await scene.apply(
    [
      workspaceYaml('shown', '5'),
      confYaml('shown', { enableIpAccessLists: true }),
      listYaml('shown', 'office', { ipAddresses: ['1.1.1.1', '2.2.2.2/21'] }),
      listYaml('shown', 'second', { label: 'office', ipAddresses: ['3.3.3.3'] }),
    ].join('---\n'),
  );
  await scene.untilCondition('Accepted', 'True Accepted', 'ipal', 'office', '-n', 'shown');
  await scene.untilCondition('Accepted', 'True DuplicateLabel', 'ipal', 'second', '-n', 'shown');
  await scene.untilCondition('Ready', 'True NotUsed', 'swc', 'workspace', '-n', 'shown');
  const [head, ...rows] = (await scene.kubectl('get', 'ipal', '-n', 'shown')).trim().split('\n');
  expect(head?.split(/\s+/)).toEqual(
    'NAME LABEL TYPE MODE ENABLED ADDRESSES HITS PROGRAMMED READY REASON AGE'.split(' '),
  );
  expect(rows[0]).toMatch(
    /^office\s+office\s+ALLOW\s+ENFORCED\s+true\s+2\s+Unknown\s+True\s+NotUsed\s+\d+s$/,
  );
});

describe('what is no list of addresses', () => {
  beforeAll(() =>
    scene.apply(`${workspaceYaml('bad', '6')}---\n${confYaml('bad', { enableIpAccessLists: true })}`),
  );

  const thousandAndOne = Array.from({ length: 1001 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);

  it.each([
    ...['010.0.0.1', '10.0.0.1/08', '1.1.1', '1.1.1.1/33', '::/129', '1.1.1.0/255.255.255.0', '', ' 1.1.1.1'],
    ...['1.1.1.1 ', '1.1.1.1,2.2.2.2', '0x7f.1', '2130706433', '::ffff:0:0/95', 'fe80::1%eth0', '1.1.1.1/-1'],
  ])('"%s" is refused, or opens nothing', async (entry) => {
    const { code, stderr } = await scene.controlPlane.kubectl(['apply', '-f', '-'], {
      stdin: listYaml('bad', 'wrong', { ipAddresses: [entry] }),
    });
    if (code === 0) await scene.untilCondition('Accepted', 'False Invalid', 'ipal', 'wrong', '-n', 'bad');
    else expect(stderr).toContain('ipAddresses');
    if (code === 0) await untilPlan('{.spec.unreadableLists}', 'bad', '["wrong"]');
    await scene.controlPlane.kubectl(['delete', 'ipal', '--all', '-n', 'bad']);
    await untilPlan('{.spec.unreadableLists}{.spec.lists}', 'bad', '[]');
  });

  it('1,001 addresses are refused in one list', async () => {
    const stdin = listYaml('bad', 'long', { ipAddresses: thousandAndOne });
    expect(
      (await scene.controlPlane.kubectl(['apply', '--server-side', '-f', '-'], { stdin })).stderr,
    ).toContain('must have at most 1000 items');
  });

  it('1,001 addresses in ten lists, of writers at the same time: 1,000 at most are in force', async () => {
    const lists = Array.from({ length: 10 }, (_, at) => {
      const ipAddresses = thousandAndOne.slice(at * 100, at === 9 ? 1001 : (at + 1) * 100);
      return listYaml('bad', `part-${at}`, { listType: 'BLOCK', ipAddresses });
    });
    await Promise.all(lists.map((yaml) => scene.apply(yaml)));
    const reasons = '{.items[*].status.conditions[?(@.type=="Accepted")].reason}';
    await until('nine are accepted, and the last is not', async () => {
      const found = (await scene.field(reasons, 'ipal', '-n', 'bad')).split(' ').toSorted();
      return found.join() === [...Array.from({ length: 9 }, () => 'Accepted'), 'TooManyAddresses'].join();
    });
    const planned = await ofPlan('{.spec.lists[*].ipAddresses}', 'bad');
    expect(planned.match(/10\./g)?.length).toBeLessThanOrEqual(1000);
  });
});
