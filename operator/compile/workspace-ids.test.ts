import fc from 'fast-check';
import { readSnapshot, workspaceManifest } from '../../test/fixtures/object-fixture.ts';
import type { IngressPlan } from '../model/ingress-plan.ts';
import { EMPTY_SNAPSHOT } from '../model/snapshot.ts';
import { WORKSPACE_LABEL } from '../model/workspace.ts';
import { explain } from './explain.ts';
import { findPlan, findPlanById } from './ingress/find-plan.ts';
import { compileIngress } from './ingress/ingress-plans.ts';
import { compileSnapshot } from './plans.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
/** One is also a name. */
const IDS = ['1001', '1002', 'a'] as const;
const SETTINGS = { systemNamespace: 'sallyport-system', backendField: 'serviceName' } as const;

interface Labelled {
  readonly id: string;
  /** Second of the creation: often that of another. */
  readonly second: number;
}

/** What happens to the Namespaces, one after the other: made, deleted or relabelled. */
const history = fc.array(
  fc.record({
    name: fc.constantFrom(...NAMES),
    step: fc.oneof(
      fc.record({ id: fc.constantFrom(...IDS), second: fc.nat(2) }),
      fc.constant('deleted' as const),
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

function apply(
  known: ReadonlyMap<string, Labelled>,
  name: string,
  step: Labelled | 'deleted',
): ReadonlyMap<string, Labelled> {
  const others = [...known].filter(([other]) => other !== name);
  if (step === 'deleted') return new Map(others);
  // A Namespace that is there already is relabelled, and stays as old as it is.
  return new Map([...others, [name, { ...step, second: known.get(name)?.second ?? step.second }]]);
}

/** By its definition: nobody with the id is older, nor as old and before it by name. */
function ownerOf(id: string, known: ReadonlyMap<string, Labelled>): string | undefined {
  const claims = [...known].filter(([, labelled]) => labelled.id === id);
  return claims.find(([name, { second }]) =>
    claims.every(([other, its]) => its.second > second || (its.second === second && other >= name)),
  )?.[0];
}

function snapshotOf(known: ReadonlyMap<string, Labelled>) {
  return readSnapshot(
    ...[...known].map(([name, { id, second }]) =>
      workspaceManifest(name, { [WORKSPACE_LABEL]: id }, `2026-01-01T00:00:0${second}Z`),
    ),
  );
}

test('an id means the oldest Namespace with it in every plan, whatever happened before', () => {
  let conflicts = 0;
  fc.assert(
    fc.property(history, (steps) => {
      let known: ReadonlyMap<string, Labelled> = new Map();
      let before: readonly IngressPlan[] = [];
      for (const { name, step } of steps) {
        known = apply(known, name, step);
        const snapshot = snapshotOf(known);
        const { plans } = compileSnapshot(snapshot);
        before = compileIngress(snapshot, SETTINGS, before).plans;
        const owners = new Map(IDS.map((id) => [id, ownerOf(id, known)]));
        const ids = [...known].map(([of, { id }]) => [of, owners.get(id as 'a') === of ? id : '']).toSorted();
        conflicts += ids.filter(([, id]) => id === '').length;
        expect(plans.map(({ metadata, spec }) => [metadata.name, spec.workspaceId])).toEqual(ids);
        expect(before.map(({ metadata, spec }) => [metadata.name, spec.workspaceId])).toEqual(ids);
        for (const [id, owner] of owners) {
          expect(findPlanById(before, id)?.metadata.name).toBe(owner);
          const isAmbiguous = owner !== undefined && known.has(id) && owner !== id;
          const meant = isAmbiguous ? undefined : (owner ?? (known.has(id) ? id : undefined));
          expect(findPlan(before, id)?.metadata.name).toBe(meant);
        }
        expect(findPlan(before, '')).toBeUndefined();
      }
    }),
    { seed: 1731, numRuns: 300 },
  );
  expect(conflicts).toBeGreaterThan(300);
});

it('explains by id what happens in the workspace that has it', () => {
  // The first by name is the younger.
  const snapshot = snapshotOf(
    new Map([
      ['b', { id: '1001', second: 2 }],
      ['c', { id: '1001', second: 1 }],
    ]),
  );
  const explained = explain(
    { snapshot, problems: [] },
    {
      folder: 'folder',
      workspace: '1001',
      product: 'JOBS',
      destination: { host: 'packages.example', port: 443, via: 'CONNECT' },
      atMs: 0,
    },
  );
  expect(explained).toMatchObject({ lines: expect.arrayContaining([['Workspace', 'c (1001)']]) });
});

it('leaves a workspace whose file cannot be read no id that another has now', () => {
  const before = compileIngress(snapshotOf(new Map([['a', { id: '1001', second: 0 }]])), SETTINGS).plans;
  const now = { ...snapshotOf(new Map([['b', { id: '1001', second: 1 }]])), isIncomplete: true };
  expect(compileIngress({ ...EMPTY_SNAPSHOT, isIncomplete: true }, SETTINGS, before).plans).toEqual(before);
  const { plans } = compileIngress(now, SETTINGS, before);
  expect(findPlanById(plans, '1001')?.metadata.name).toBe('b');
  expect(findPlan(plans, 'a')?.spec.workspaceId).toBe('');
});
