import fc from 'fast-check';
import {
  type Manifest,
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import { findObject } from '../model/snapshot.ts';
import type { Workspace } from '../model/workspace.ts';
import { workspaceSources } from './workspace-sources.ts';

const WORKSPACES = ['team', 'team-b'] as const;
const POLICIES = ['default-policy', 'acme', 'acme-b'] as const;

const state = fc.constantFrom('there', 'unreadable', 'absent');
const cluster = fc.record({
  policies: fc.record(Object.fromEntries(POLICIES.map((name) => [name, state]))),
  assigned: fc.record(
    Object.fromEntries(WORKSPACES.map((name) => [name, fc.constantFrom('none', 'unreadable', ...POLICIES)])),
  ),
  metastores: fc.array(fc.array(fc.constantFrom(...WORKSPACES), { maxLength: 3 }), { maxLength: 3 }),
});

type Cluster = typeof cluster extends fc.Arbitrary<infer T> ? T : never;

function snapshotOf({ policies, assigned, metastores }: Cluster) {
  const manifests: readonly Manifest[] = [
    ...WORKSPACES.map((name) => workspaceManifest(name)),
    ...Object.entries(policies).flatMap(([name, is]) =>
      is === 'absent' ? [] : [policyManifest(name, is === 'there' ? {} : { restrictionMode: 'NONE' })],
    ),
    ...Object.entries(assigned).flatMap(([name, id]) =>
      id === 'none'
        ? []
        : [manifest('PolicyAssignment', name, { networkPolicyId: id === 'unreadable' ? 'a b' : id })],
    ),
    ...metastores.map((workspaces, at) =>
      manifest('Metastore', `store-${at}`, { region: 'us-west-2', workspaces }),
    ),
  ];
  return readSnapshot(...manifests);
}

/** What was put in for one workspace, and so must come out. */
function expectedOf({ policies, assigned, metastores }: Cluster, name: (typeof WORKSPACES)[number]) {
  const id = assigned[name] === 'none' ? 'default-policy' : (assigned[name] ?? '');
  const is = id === 'unreadable' ? id : policies[id];
  const claims = metastores.flatMap((named: readonly string[], at) =>
    named.includes(name) ? [`store-${at}`] : [],
  );
  const holder = assigned[name] === 'none' ? `Workspace/${name}` : `PolicyAssignment/${name}`;
  return {
    denyReason: { there: undefined, unreadable: 'POLICY_UNREADABLE', absent: 'POLICY_NOT_FOUND' }[
      is ?? 'there'
    ],
    metastores: claims.length > 1 ? [] : claims,
    problems: [
      ...(is === 'absent' ? [['NetworkPolicyNotFound', holder]] : []),
      ...(claims.length > 1 ? claims.map((claim) => ['Conflicted', `Metastore/${claim}`]) : []),
    ],
  };
}

test('workspaceSources() tells a Problem for each source that it leaves out, and for no other', () => {
  fc.assert(
    fc.property(cluster, (given) => {
      const snapshot = snapshotOf(given);
      const sourcesOf = workspaceSources(snapshot);
      for (const name of WORKSPACES) {
        const workspace = findObject(snapshot, 'Workspace', name);
        const { sources, problems } = sourcesOf(workspace as Workspace);
        expect({
          denyReason: sources.denyReason,
          metastores: sources.metastores.map(({ metadata }) => metadata.name),
          problems: problems.map(({ reason, object }) => [reason, object]),
        }).toEqual(expectedOf(given, name));
        expect(sources.policy === undefined).toBe(sources.denyReason !== undefined);
      }
    }),
    { seed: 12, numRuns: 500 },
  );
});
