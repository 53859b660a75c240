import type { Manifest } from '../../../test/fixtures/object-fixture.ts';
import { manifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { ObservedObject } from '../../model/snapshot.ts';
import { decideIngress } from './decide-ingress.ts';
import { type CompiledIngress, compileIngress } from './ingress-plans.ts';

const SETTINGS = { systemNamespace: 'sallyport-system', backendField: 'address' } as const;
const WORKSPACE = workspaceManifest('team-a');

function conf(spec: Readonly<Record<string, unknown>>, namespace = 'team-a'): Manifest {
  return manifest('WorkspaceConf', 'workspace', spec, namespace);
}

function list(name: string, count: number, extra: Readonly<Record<string, unknown>> = {}): Manifest {
  const ipAddresses = Array.from({ length: count }, (_, at) => `10.${name.length}.${at >> 8}.${at & 255}`);
  return manifest('IpAccessList', name, { label: name, listType: 'BLOCK', ipAddresses, ...extra }, 'team-a');
}

function compile(manifests: readonly Manifest[], before: readonly IngressPlan[] = []): CompiledIngress {
  return compileIngress(readSnapshot(...manifests), SETTINGS, before);
}

function specOf({ plans }: CompiledIngress, name = 'team-a') {
  const plan = plans.find(({ metadata }) => metadata.name === name);
  if (plan === undefined) throw new Error(`There is no plan of ${name}`);
  return plan.spec;
}

describe('compileIngress()', () => {
  it('plans a workspace without a WorkspaceConf as open (R89)', () => {
    const { plans, problems } = compile([WORKSPACE]);
    expect(plans).toEqual([
      {
        kind: 'IngressPlan',
        metadata: { name: 'team-a' },
        spec: {
          level: 'WORKSPACE',
          workspaceId: 'id-team-a',
          enableIpAccessLists: false,
          lists: [],
          tlsPassthrough: false,
          revision: expect.any(String),
        },
      },
    ]);
    expect(problems).toEqual([]);
  });

  it('does not apply the lists of a workspace below ENTERPRISE (R82)', () => {
    const standard = workspaceManifest('team-a', { 'sallyport.dev/tier': 'STANDARD' });
    const compiled = compile([standard, conf({ enableIpAccessLists: true }), list('a', 1)]);
    expect(specOf(compiled).enableIpAccessLists).toBe(false);
    expect(compiled.problems).toMatchObject([{ reason: 'RulesIgnored', object: 'IpAccessList/team-a/a' }]);
  });

  it('accepts 1,000 values over all lists, and not the list that came last (R94)', () => {
    const compiled = compile([WORKSPACE, list('a', 600), list('bb', 400), list('ccc', 1)]);
    expect(specOf(compiled).lists.map(({ listId }) => listId)).toEqual(['a', 'bb']);
    expect(compiled.problems).toMatchObject([
      {
        reason: 'TooManyAddresses',
        object: 'IpAccessList/team-a/ccc',
        field: 'spec.ipAddresses',
        message: expect.stringContaining('would have 1001 together'),
      },
    ]);
  });

  it('counts a list without addresses as one value', () => {
    const some = compile([WORKSPACE, list('a', 999), list('bb', 0), list('ccc', 0)]);
    expect(specOf(some).lists.map(({ listId }) => listId)).toEqual(['a', 'bb']);
    expect(some.problems).toMatchObject([
      { reason: 'TooManyAddresses', object: 'IpAccessList/team-a/ccc', field: 'spec.ipAddresses' },
    ]);
    const many = Array.from({ length: 1001 }, (_, at) => list(`l${at}`, 0));
    const full = compile([WORKSPACE, ...many]);
    expect(specOf(full).lists).toHaveLength(1000);
    expect(specOf(compile([WORKSPACE, ...many], full.plans)).lists).toHaveLength(1000);
  });

  it('keeps the accepted version of a list that has grown too much, and every other list', () => {
    const before = compile([WORKSPACE, list('a', 500), list('bb', 400)]);
    const after = compile([WORKSPACE, list('a', 700), list('bb', 400), list('ccc', 50)], before.plans);
    expect(specOf(after).lists.map(({ listId, ipAddresses }) => [listId, ipAddresses.length])).toEqual([
      ['a', 500],
      ['bb', 400],
      ['ccc', 50],
    ]);
    expect(after.problems).toMatchObject([{ object: 'IpAccessList/team-a/a' }]);
  });

  it('denies everybody where a list cannot be read, unless it was accepted before', () => {
    const broken = list('a', 1, { ipAddresses: ['010.0.0.1'] });
    expect(specOf(compile([WORKSPACE, broken]))).toMatchObject({ unreadableLists: ['a'], lists: [] });
    const before = compile([WORKSPACE, list('a', 3)]);
    const after = specOf(compile([WORKSPACE, broken], before.plans));
    expect(after.unreadableLists).toBeUndefined();
    expect(after.lists).toMatchObject([{ listId: 'a', ipAddresses: { length: 3 } }]);
  });

  it('takes a switch that cannot be read for on, unless it was off', () => {
    const broken = conf({ enableIpAccessLists: 'yes' });
    expect(specOf(compile([WORKSPACE, broken])).enableIpAccessLists).toBe(true);
    const before = compile([WORKSPACE, conf({ ingress: { hosts: ['a.example'] } })]);
    expect(specOf(compile([WORKSPACE, broken], before.plans))).toMatchObject({
      enableIpAccessLists: false,
      hosts: ['a.example'],
    });
  });

  it('gives a host that nobody had to the oldest workspace that claims it', () => {
    const ingress = { hosts: ['Data.Example'], backends: [{ address: '127.0.0.1', port: 1 }] };
    const compiled = compile([
      workspaceManifest('team-a', {}, '2026-02-01T00:00:00Z'),
      workspaceManifest('team-b', {}, '2026-01-01T00:00:00Z'),
      conf({ ingress }),
      conf({ ingress }, 'team-b'),
    ]);
    expect(specOf(compiled).hosts).toEqual([]);
    expect(specOf(compiled, 'team-b').hosts).toEqual(['data.example']);
    expect(compiled.problems).toMatchObject([
      { reason: 'HostTaken', object: 'WorkspaceConf/team-a/workspace' },
    ]);
  });

  it('leaves a host to the workspace that had it, for as long as it claims it', () => {
    const ingress = { hosts: ['data.example'], backends: [{ address: '127.0.0.1', port: 1 }] };
    const late = [workspaceManifest('team-b', {}, '2026-02-01T00:00:00Z'), conf({ ingress }, 'team-b')];
    const elder = [workspaceManifest('team-a', {}, '2026-01-01T00:00:00Z'), conf({ ingress })];
    const ownerOf = ({ plans }: CompiledIngress) =>
      plans.filter(({ spec }) => spec.hosts?.includes('data.example')).map(({ metadata }) => metadata.name);
    const first = compile(late);
    const both = compile([...elder, ...late], first.plans);
    expect(ownerOf(both)).toEqual(['team-b']);
    expect(both.problems).toMatchObject([{ reason: 'HostTaken', object: 'WorkspaceConf/team-a/workspace' }]);
    const broken = [...late.slice(0, 1), conf({ ingress: 'none' }, 'team-b')];
    expect(ownerOf(compile([...elder, ...broken], both.plans))).toEqual(['team-b']);
    const given = compile([...elder, ...late.slice(0, 1)], both.plans);
    expect(ownerOf(given)).toEqual(['team-a']);
    expect(ownerOf(compile([...elder, ...late], given.plans))).toEqual(['team-a']);
    expect(ownerOf(compile([...elder, ...late]))).toEqual(['team-a']);
  });

  it('leaves out a backend that this installation cannot reach', () => {
    const backends = [
      { serviceName: 'web', port: 80 },
      { port: 1 },
      { address: '127.0.0.1', serviceName: 'web', port: 2 },
    ];
    const compiled = compile([WORKSPACE, conf({ ingress: { hosts: ['a.example'], backends } })]);
    expect(specOf(compiled).backends).toEqual([{ address: '127.0.0.1', port: 2 }]);
    expect(compiled.problems.map(({ field }) => field)).toEqual([
      'spec.ingress.backends[0]',
      'spec.ingress.backends[1]',
    ]);
  });

  it('plans again only the workspaces of which something changed', () => {
    const [one, other] = [readSnapshot(WORKSPACE, list('a', 3)), readSnapshot(workspaceManifest('team-b'))];
    const plansOf = (objects: readonly ObservedObject[]) =>
      compileIngress({ objects, unreadable: [] }, SETTINGS).plans;
    const [first, second] = plansOf([...one.objects, ...other.objects]);
    const more = readSnapshot(conf({ enableIpAccessLists: true })).objects;
    const [changed, same] = plansOf([...one.objects, ...other.objects, ...more]);
    expect(same).toBe(second);
    expect(changed).not.toBe(first);
  });

  it('plans the account from lists with its label, apart from every workspace', () => {
    const ofAccount = {
      ...manifest(
        'IpAccessList',
        'office',
        { label: 'office', listType: 'ALLOW', ipAddresses: ['1.1.1.1'] },
        'sallyport-system',
      ),
    };
    const labelled = {
      ...ofAccount,
      metadata: { ...ofAccount.metadata, labels: { 'sallyport.dev/account': 'local' } },
    };
    expect(specOf(compile([WORKSPACE, labelled]), 'sallyport-system')).toMatchObject({
      level: 'ACCOUNT',
      lists: [{ listId: 'office' }],
    });
    expect(compile([WORKSPACE, ofAccount]).problems).toMatchObject([
      {
        reason: 'WorkspaceNotFound',
        message: expect.stringContaining('label the list "office" with sallyport.dev/account'),
      },
    ]);
  });
});

test('compileIngress() suggests the workspace where the Namespace of a list is misspelt', () => {
  const office = { label: 'office', listType: 'ALLOW', ipAddresses: ['1.1.1.1'] };
  const name = WORKSPACE.metadata['name'];
  const misspelt = manifest('IpAccessList', 'office', office, `${name}x`);
  const fix = `label it with sallyport.dev/workspace (Did you mean ${name}?)`;
  const message = `The list has no effect: Namespace "${name}x" is no workspace; ${fix}`;
  expect(compile([WORKSPACE, misspelt]).problems).toMatchObject([{ message }]);
});

describe('compileIngress(), where a file was never read that may hold lists', () => {
  const incomplete = (manifests: readonly Manifest[], before: readonly IngressPlan[] = []): CompiledIngress =>
    compileIngress({ ...readSnapshot(...manifests), isIncomplete: true }, SETTINGS, before);
  const SWITCH = conf({ enableIpAccessLists: true, ingress: { hosts: ['a.example'] } });
  const before = compile([WORKSPACE, SWITCH, list('a', 2)]).plans;

  it('denies everybody at a first start, and says so', () => {
    for (const manifests of [[WORKSPACE], [WORKSPACE, SWITCH], [WORKSPACE, SWITCH, list('a', 2)]]) {
      const compiled = incomplete(manifests);
      expect(decideIngress(specOf(compiled), '203.0.113.9')).toMatchObject({ isAllowed: false });
      expect(compiled.problems).toMatchObject([
        { reason: 'WorkspaceUnreadable', object: 'Workspace/team-a' },
      ]);
    }
  });

  it('keeps what was in force: lists, switch, hosts, and workspaces that are not found', () => {
    for (const manifests of [[WORKSPACE, SWITCH, list('a', 2)], [WORKSPACE, SWITCH], [WORKSPACE], []])
      expect(specOf(incomplete(manifests, before))).toMatchObject({
        enableIpAccessLists: true,
        lists: [{ listId: 'a' }],
        hosts: ['a.example'],
      });
  });

  it('takes what it can read, and denies nobody whose switch is off', () => {
    const changed = incomplete([WORKSPACE, SWITCH, list('a', 3)], before);
    expect(specOf(changed).lists).toMatchObject([{ ipAddresses: { length: 3 } }]);
    const off = incomplete([WORKSPACE, conf({ enableIpAccessLists: false })]);
    expect(decideIngress(specOf(off), '203.0.113.9')).toMatchObject({ isAllowed: true });
  });
});
