import {
  type Manifest,
  manifest,
  policyManifest,
  readObject,
  readSnapshot,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import type { EgressTable } from '../model/egress-table.ts';
import type { Product } from '../model/product.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { type CompiledSnapshot, compileAhead, compileSnapshot } from './plans.ts';

const BUCKET = { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' };
const UNREADABLE = { restrictionMode: 'NONE' };

function snapshotOf(...manifests: readonly Manifest[]): CompiledSnapshot {
  return compileSnapshot(readSnapshot(...manifests));
}

function assign(workspace: string, networkPolicyId: string): Manifest {
  return manifest('PolicyAssignment', workspace, { networkPolicyId });
}

function allow(name: string, ...destinations: readonly string[]): Manifest {
  return policyManifest(name, {
    allowedInternetDestinations: destinations.map((destination) => ({ destination })),
  });
}

function planOf(compiled: CompiledSnapshot, workspace: string): WorkspacePlan['spec'] | undefined {
  return compiled.plans.find(({ metadata }) => metadata.name === workspace)?.spec;
}

function tableFor(compiled: CompiledSnapshot, workspace: string): EgressTable['spec'] | undefined {
  const name = planOf(compiled, workspace)?.table;
  return compiled.tables.find(({ metadata }) => metadata.name === name)?.spec;
}

function namesFor(compiled: CompiledSnapshot, workspace: string): readonly string[] {
  return tableFor(compiled, workspace)?.groups.flatMap(({ names }) => names) ?? [];
}

function laneIn(compiled: CompiledSnapshot, workspace: string, product: Product): string | undefined {
  return planOf(compiled, workspace)?.products.find((entry) => entry.product === product)?.lane;
}

describe('compileSnapshot() chooses the policy:', () => {
  it('the default policy for a workspace without an assignment (R29)', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      allow('default-policy', 'a.example'),
      allow('acme', 'b.example'),
    );
    expect(planOf(compiled, 'team-a')?.networkPolicyId).toBe('default-policy');
    expect(namesFor(compiled, 'team-a')).toEqual(['a.example']);
  });

  it('the assigned policy, and a changed default does not concern it (R32)', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      allow('default-policy', 'a.example'),
      allow('acme', 'b.example'),
      assign('team-a', 'acme'),
    );
    expect(planOf(compiled, 'team-a')?.networkPolicyId).toBe('acme');
    expect(namesFor(compiled, 'team-a')).toEqual(['b.example']);
  });

  it('the default policy where an assignment says nothing', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      allow('default-policy', 'a.example'),
      manifest('PolicyAssignment', 'team-a'),
    );
    expect(planOf(compiled, 'team-a')?.networkPolicyId).toBe('default-policy');
  });

  it('no plan for a Namespace that is no workspace, nor for an assignment without one', () => {
    const compiled = snapshotOf(allow('default-policy'), assign('nowhere', 'default-policy'));
    expect(compiled).toMatchObject({ plans: [], tables: [] });
  });
});

describe('compileSnapshot() denies everything and says why:', () => {
  it.each<[string, string, readonly Manifest[]]>([
    ['an assigned policy that does not exist', 'POLICY_NOT_FOUND', [assign('team-a', 'acme')]],
    ['a default policy that does not exist', 'POLICY_NOT_FOUND', []],
    [
      'an assigned policy that cannot be read',
      'POLICY_UNREADABLE',
      [policyManifest('acme', UNREADABLE), assign('team-a', 'acme')],
    ],
    [
      'a default policy that cannot be read',
      'POLICY_UNREADABLE',
      [policyManifest('default-policy', UNREADABLE)],
    ],
    [
      'an assignment that cannot be read',
      'POLICY_UNREADABLE',
      [allow('default-policy', 'a.example'), assign('team-a', 'a b')],
    ],
    [
      'a workspace id that an older Namespace has',
      'WORKSPACE_CONFLICTED',
      [
        allow('default-policy', 'a.example'),
        workspaceManifest('older', { 'sallyport.dev/workspace': 'id-team-a' }, '2026-01-01T00:00:00Z'),
      ],
    ],
  ])('%s', (_, denyReason, others) => {
    const compiled = snapshotOf(workspaceManifest('team-a', {}, '2026-02-01T00:00:00Z'), ...others);
    expect(tableFor(compiled, 'team-a')).toMatchObject({ denyReason, groups: [] });
    expect(laneIn(compiled, 'team-a', 'JOBS')).toBe('enforced');
    expect(laneIn(compiled, 'team-a', 'SQL_UDF')).toBe('sealed');
  });

  it('not the older Namespace with the same id, whatever the names and their order', () => {
    const id = { 'sallyport.dev/workspace': '7' };
    const compiled = snapshotOf(
      workspaceManifest('aaa-later', id, '2026-02-01T00:00:00Z'),
      workspaceManifest('zzz-first', id, '2026-01-01T00:00:00Z'),
      allow('default-policy', 'a.example'),
    );
    expect(namesFor(compiled, 'zzz-first')).toEqual(['a.example']);
    expect(namesFor(compiled, 'aaa-later')).toEqual([]);
  });

  it('not the workspaces of a policy that is called like the stand-in for an unreadable assignment', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      workspaceManifest('team-b'),
      allow('unknown', 'a.example'),
      assign('team-a', 'unknown'),
      assign('team-b', 'a b'),
    );
    expect(namesFor(compiled, 'team-a')).toEqual(['a.example']);
    expect(tableFor(compiled, 'team-b')).toMatchObject({ denyReason: 'POLICY_UNREADABLE', groups: [] });
  });
});

describe('compileSnapshot() gives lanes:', () => {
  it.each(['STANDARD', 'PREMIUM'])('full ones to a workspace of tier %s (R31)', (tier) => {
    const compiled = snapshotOf(
      workspaceManifest('team-a', { 'sallyport.dev/tier': tier }),
      allow('default-policy'),
    );
    expect(new Set(planOf(compiled, 'team-a')?.products.map(({ lane }) => lane))).toEqual(new Set(['full']));
  });

  it('enforced ones to a workspace of an unknown tier', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a', { 'sallyport.dev/tier': 'FREE' }),
      allow('default-policy'),
    );
    expect(laneIn(compiled, 'team-a', 'GENERAL')).toBe('enforced');
  });

  it('the open one to SQL functions where the WorkspaceConf of that workspace says so (R77)', () => {
    const conf = manifest('WorkspaceConf', 'workspace', { enableUdfNetworkAccess: true }, 'team-a');
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      workspaceManifest('team-b'),
      allow('default-policy'),
      conf,
    );
    expect(laneIn(compiled, 'team-a', 'SQL_UDF')).toBe('enforced');
    expect(laneIn(compiled, 'team-b', 'SQL_UDF')).toBe('sealed');
  });

  it('the sealed one to SQL functions where the WorkspaceConf cannot be read', () => {
    const conf = manifest('WorkspaceConf', 'workspace', { enableUdfNetworkAccess: 'true' }, 'team-a');
    expect(
      laneIn(snapshotOf(workspaceManifest('team-a'), allow('default-policy'), conf), 'team-a', 'SQL_UDF'),
    ).toBe('sealed');
  });
});

describe('compileSnapshot() implies what the workspace has:', () => {
  const store = (name: string, ...workspaces: readonly string[]): Manifest =>
    manifest('Metastore', name, { region: 'us-west-2', externalLocations: [BUCKET], workspaces });

  it('the locations of its metastore, and nothing of the metastore of others', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      workspaceManifest('team-b'),
      allow('default-policy'),
      store('main', 'team-a'),
    );
    expect(namesFor(compiled, 'team-a')).toContain('acme-data.s3.us-west-2.amazonaws.com');
    expect(namesFor(compiled, 'team-b')).toEqual([]);
    expect(planOf(compiled, 'team-a')?.table).not.toBe(planOf(compiled, 'team-b')?.table);
  });

  it('nothing of two metastores that claim it, and both are reported', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      allow('default-policy'),
      store('one', 'team-a'),
      store('two', 'team-a'),
    );
    expect(namesFor(compiled, 'team-a')).toEqual([]);
    expect(compiled.problems.map(({ reason, object }) => [reason, object])).toEqual([
      ['Conflicted', 'Metastore/one'],
      ['Conflicted', 'Metastore/two'],
    ]);
  });

  it('nothing of a metastore that names no workspace', () => {
    const compiled = snapshotOf(workspaceManifest('team-a'), allow('default-policy'), store('main'));
    expect(namesFor(compiled, 'team-a')).toEqual([]);
  });

  it('one table for workspaces with the same sources', () => {
    const compiled = snapshotOf(
      workspaceManifest('team-a'),
      workspaceManifest('team-b'),
      allow('default-policy'),
      store('main', 'team-a', 'team-b'),
    );
    expect(compiled.tables).toHaveLength(1);
    expect(planOf(compiled, 'team-a')?.table).toBe(planOf(compiled, 'team-b')?.table);
  });
});

describe('compileSnapshot()', () => {
  const manifests = [
    workspaceManifest('team-a'),
    workspaceManifest('team-b'),
    allow('default-policy', 'a.example'),
    allow('acme', 'b.example'),
    assign('team-b', 'acme'),
  ];

  it('does not depend on the order of what it observed', () => {
    expect(snapshotOf(...manifests.toReversed())).toEqual(snapshotOf(...manifests));
  });

  it('leaves a plan as it is where only destinations changed, so that nothing restarts (R40)', () => {
    const before = snapshotOf(...manifests);
    const after = snapshotOf(
      ...manifests.slice(0, 2),
      allow('default-policy', 'c.example'),
      ...manifests.slice(3),
    );
    expect(after.plans).toEqual(before.plans);
    expect(tableFor(after, 'team-a')?.revision).not.toBe(tableFor(before, 'team-a')?.revision);
    expect(tableFor(after, 'team-b')).toEqual(tableFor(before, 'team-b'));
  });

  it('compiles one table anew where one policy is another object, and keeps the others', () => {
    const snapshot = readSnapshot(...manifests);
    const changed = readObject(allow('acme', 'c.example'));
    const before = compileSnapshot(snapshot);
    const objects = snapshot.objects.map((object) => (object.metadata.name === 'acme' ? changed : object));
    const after = compileSnapshot({ ...snapshot, objects });
    expect(after.tables.filter((table) => before.tables.includes(table))).toHaveLength(1);
    expect(namesFor(after, 'team-b')).toEqual(['c.example']);
  });
});

describe('compileAhead()', () => {
  it('takes a step for each object that allows something, and changes no result', () => {
    const manifests = [
      workspaceManifest('team-a'),
      allow('default-policy', 'a.example'),
      manifest('Metastore', 'lake', {
        region: 'us-west-2',
        externalLocations: [BUCKET],
        workspaces: ['team-a'],
      }),
      manifest('PrivateEndpoint', 'corp', { domains: ['b.example'], workspaces: ['team-a'] }),
    ];
    const snapshot = readSnapshot(...manifests);
    expect([...compileAhead(snapshot)]).toHaveLength(3);
    expect(compileSnapshot(snapshot)).toEqual(snapshotOf(...manifests));
  });
});
