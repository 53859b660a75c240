import {
  type Manifest,
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from './plans.ts';

const DEFAULT = policyManifest('default-policy');

/** [reason, object, field, message] of each Problem. */
function problemsOf(...manifests: readonly Manifest[]): readonly (readonly unknown[])[] {
  const { problems } = compileSnapshot(readSnapshot(...manifests));
  return problems.map(({ reason, object, field, message }) => [reason, object, field, message]);
}

function assign(workspace: string, networkPolicyId: string): Manifest {
  return manifest('PolicyAssignment', workspace, { networkPolicyId });
}

describe('findProblems()', () => {
  it('finds nothing in a snapshot that fits together', () => {
    expect(problemsOf(DEFAULT, workspaceManifest('team-a'), assign('team-a', 'default-policy'))).toEqual([]);
  });

  it.each<[string, readonly Manifest[], readonly unknown[]]>([
    [
      'an assigned policy that does not exist',
      [DEFAULT, workspaceManifest('team-a'), assign('team-a', 'acme')],
      [
        'NetworkPolicyNotFound',
        'PolicyAssignment/team-a',
        'spec.networkPolicyId',
        'Cannot find NetworkPolicy "acme": create it or assign another; until then this workspace reaches nothing',
      ],
    ],
    [
      'an assigned policy whose name is misspelt',
      [DEFAULT, policyManifest('company'), workspaceManifest('team-a'), assign('team-a', 'compny')],
      [
        'NetworkPolicyNotFound',
        'PolicyAssignment/team-a',
        'spec.networkPolicyId',
        'Cannot find NetworkPolicy "compny": create it or assign another; until then this workspace reaches nothing (Did you mean company?)',
      ],
    ],
    [
      'a default policy that does not exist',
      [workspaceManifest('team-a')],
      [
        'NetworkPolicyNotFound',
        'Workspace/team-a',
        undefined,
        'Cannot find NetworkPolicy "default-policy", which applies to this workspace: create it or assign another; until then this workspace reaches nothing',
      ],
    ],
    [
      'an assignment without a workspace',
      [DEFAULT, assign('nowhere', 'default-policy')],
      [
        'WorkspaceNotFound',
        'PolicyAssignment/nowhere',
        'metadata.name',
        'Cannot find a workspace "nowhere": label the Namespace "nowhere" with sallyport.dev/workspace, or name the assignment after a workspace',
      ],
    ],
    [
      'an assignment whose workspace is misspelt',
      [DEFAULT, workspaceManifest('analytics'), assign('analytcis', 'default-policy')],
      [
        'WorkspaceNotFound',
        'PolicyAssignment/analytcis',
        'metadata.name',
        'Cannot find a workspace "analytcis": label the Namespace "analytcis" with sallyport.dev/workspace, or name the assignment after a workspace (Did you mean analytics?)',
      ],
    ],
    [
      'a tier that does not exist',
      [DEFAULT, workspaceManifest('team-a', { 'sallyport.dev/tier': 'FREE' })],
      [
        'UnknownTier',
        'Workspace/team-a',
        'metadata.labels',
        'Cannot accept tier "FREE": use one of "STANDARD", "PREMIUM", "ENTERPRISE"; until then it counts as ENTERPRISE',
      ],
    ],
    [
      'an adoption that does not exist',
      [DEFAULT, workspaceManifest('team-a', {}, undefined, { 'sallyport.dev/adopt': 'isolate' })],
      [
        'UnknownAdoption',
        'Workspace/team-a',
        'metadata.annotations',
        'Cannot accept "isolate" in annotation sallyport.dev/adopt of Namespace "team-a": write "Isolate", or remove it; it counts as "Isolate"',
      ],
    ],
    [
      'a workspace id that is used twice',
      [
        DEFAULT,
        workspaceManifest('first', { 'sallyport.dev/workspace': '7' }, '2026-01-01T00:00:00Z'),
        workspaceManifest('again', { 'sallyport.dev/workspace': '7' }, '2026-02-01T00:00:00Z'),
      ],
      [
        'Conflicted',
        'Workspace/again',
        'metadata.labels',
        'Cannot use workspace id "7" (label sallyport.dev/workspace of Namespace "again") twice: Namespace "first" has it; until one is changed this workspace reaches nothing',
      ],
    ],
    [
      'rules without effect',
      [
        policyManifest('default-policy', {
          restrictionMode: 'FULL_ACCESS',
          blockedInternetDestinations: [{ destination: 'a.example' }],
        }),
      ],
      [
        'RulesIgnored',
        'NetworkPolicy/default-policy',
        'spec.egress.networkAccess.restrictionMode',
        'The rules have no effect under FULL_ACCESS: set restrictionMode to RESTRICTED_ACCESS to use them',
      ],
    ],
    [
      'a private endpoint without ranges',
      [DEFAULT, manifest('PrivateEndpoint', 'corp', { domains: ['*.corp'], workspaces: [] })],
      [
        'RulesIgnored',
        'PrivateEndpoint/corp',
        'spec.addressRanges',
        'The domains cannot be reached without addressRanges: add them, or list public names in the policy',
      ],
    ],
    [
      'a shared zone that nobody accepted',
      [
        policyManifest('default-policy', {
          allowedInternetDestinations: [
            { destination: 'a.example' },
            { destination: '*.github.io' },
            { destination: '*.pages.dev', sharedZone: 'Accept' },
          ],
        }),
      ],
      [
        'SharedZone',
        'NetworkPolicy/default-policy',
        'spec.egress.networkAccess.allowedInternetDestinations[1].destination',
        'Cannot allow "*.github.io" unless the entry says so: other customers have names under it; name what you need, or write { destination: "*.github.io", sharedZone: Accept }',
      ],
    ],
  ])('tells of %s', (_, manifests, problem) => {
    expect(problemsOf(...manifests)).toEqual([problem]);
  });

  it('tells both metastores that claim one workspace', () => {
    const store = (name: string): Manifest =>
      manifest('Metastore', name, { region: 'us-west-2', workspaces: ['team-a'] });
    const message =
      'Cannot give workspace "team-a" 2 metastores: name it in one; until then none of them allows anything';
    expect(problemsOf(DEFAULT, workspaceManifest('team-a'), store('one'), store('two'))).toEqual([
      ['Conflicted', 'Metastore/one', 'spec.workspaces', message],
      ['Conflicted', 'Metastore/two', 'spec.workspaces', message],
    ]);
  });

  it('leaves it to the parser to tell of what cannot be read', () => {
    const unreadable = policyManifest('default-policy', { restrictionMode: 'NONE' });
    expect(problemsOf(unreadable, workspaceManifest('team-a'), assign('team-a', 'default-policy'))).toEqual(
      [],
    );
    expect(problemsOf(unreadable, workspaceManifest('team-a'))).toEqual([]);
  });

  it('says nothing of an assignment that cannot be read, which has its own Problem', () => {
    expect(problemsOf(workspaceManifest('team-a'), assign('team-a', 'a b'))).toEqual([]);
  });

  it('says nothing of rules under FULL_ACCESS where there are none', () => {
    expect(problemsOf(policyManifest('default-policy', { restrictionMode: 'FULL_ACCESS' }))).toEqual([]);
  });
});
