import fc from 'fast-check';
import { WORKSPACE_NAME_LABEL } from '../../model/system-names.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { failuresByWorkspace, refusedPods } from './failures-by-workspace.ts';
import { PodWriteMemory } from './pod-write-memory.ts';

const SYSTEM = 'sallyport-system';

/** "t", "t-a", "ta", "ta-t": names that begin and end with each other. */
const name = fc.stringMatching(/^t(?:-?[at]){0,3}$/);

function planOf(workspace: string, table: string): WorkspacePlan {
  const spec = { workspaceId: workspace, networkPolicyId: 'acme', table, products: [], revision: '1' };
  return { kind: 'WorkspacePlan', metadata: { name: workspace }, spec };
}

const OBJECT_OF = {
  service: (workspace: string) =>
    labelled('Service', workspace, { namespace: SYSTEM, name: `${workspace}-t` }),
  isolation: (workspace: string) => labelled('NetworkPolicy', workspace, { namespace: workspace, name: 't' }),
  stamp: (workspace: string) => ({ kind: 'Namespace', metadata: { name: workspace } }),
  pod: (workspace: string) => ({ kind: 'Pod', metadata: { namespace: workspace, name: 't' } }),
};

function labelled(kind: string, workspace: string, place: { namespace: string; name: string }) {
  return { kind, metadata: { ...place, labels: { [WORKSPACE_NAME_LABEL]: workspace } } };
}

test('failuresByWorkspace() blames each workspace for the first of its own failures, and for no other', () => {
  const kind = fc.constantFrom(...(Object.keys(OBJECT_OF) as (keyof typeof OBJECT_OF)[]));
  fc.assert(
    fc.property(fc.array(fc.record({ workspace: name, kind }), { maxLength: 8 }), (wrong) => {
      const failures = wrong.map(({ workspace, kind: of }, at) => {
        return { item: OBJECT_OF[of](workspace), error: new Error(String(at)) };
      });
      const first = new Map<string, string>();
      for (const [at, { workspace }] of wrong.entries())
        if (!first.has(workspace)) first.set(workspace, String(at));
      const found = failuresByWorkspace(failures, []);
      const notified = new Map([...found].map(([workspace, { error }]) => [workspace, error.message]));
      expect(notified).toEqual(first);
    }),
    { seed: 12, numRuns: 2000 },
  );
});

test('failuresByWorkspace() counts a table for every workspace under it, and what is of nobody for none', () => {
  fc.assert(
    fc.property(fc.dictionary(name, name), name, (tables, table) => {
      const plans = Object.entries(tables).map(([workspace, of]) => planOf(workspace, of));
      const of = { namespace: SYSTEM, name: table };
      const error = new Error('Conflict');
      const failures = [
        { item: { kind: 'NetworkPolicy', metadata: { namespace: SYSTEM, name: table } }, error },
        { item: { kind: 'EgressTable', metadata: of }, error },
      ];
      const under = Object.keys(tables).filter((workspace) => tables[workspace] === table);
      expect([...failuresByWorkspace(failures, plans).keys()].toSorted()).toEqual(under.toSorted());
    }),
    { seed: 12, numRuns: 2000 },
  );
});

test('refusedPods() names the first pod of each workspace that the API server refuses, and what to do', () => {
  const memory = new PodWriteMemory();
  const refusal = memory.refuse('1', new Error('etcdserver: request is too large'), 0);
  const pod = (namespace: string, name: string) => ({ kind: 'Pod', metadata: { namespace, name } });
  const failures = [
    { item: pod('a', 'busy'), error: new Error('conflict') },
    { item: pod('a', 'first'), error: refusal },
    { item: pod('a', 'second'), error: refusal },
    { item: pod('b', 'busy'), error: new Error('conflict') },
  ];
  expect([...refusedPods(failures)]).toEqual([
    [
      'a',
      'Cannot give pod "first" its lane: the API server stores no change of it: etcdserver: request is too large. Make it smaller, or delete it',
    ],
  ]);
});
