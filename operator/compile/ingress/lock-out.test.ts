import fc from 'fast-check';
import {
  type Manifest,
  manifest,
  readObject,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import type { IngressPlan, IngressRules } from '../../model/ingress-plan.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import { apiMark } from './api-mark.ts';
import { decideIngress } from './decide-ingress.ts';
import { type CompiledIngress, compileIngress } from './ingress-plans.ts';

const SETTINGS = { systemNamespace: 'sallyport-system', backendField: 'address' } as const;
const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const HOUR_MS = 3_600_000;
const CONFIRM = 'sallyport.dev/confirm-lockout';

type Annotations = Readonly<Record<string, string>>;

function caller(address: string, hoursAgo = 1, workspace = 'team') {
  return { workspace, address, user: 'u1', lastSeen: new Date(AT_MS - hoursAgo * HOUR_MS).toISOString() };
}

function annotated(object: Manifest, annotations: Annotations): Manifest {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function list(
  name: string,
  ipAddresses: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Manifest {
  return manifest('IpAccessList', name, { label: name, listType: 'ALLOW', ipAddresses, ...more }, 'team');
}

function conf(enableIpAccessLists: boolean): Manifest {
  return manifest('WorkspaceConf', 'workspace', { enableIpAccessLists }, 'team');
}

type Callers = readonly ReturnType<typeof caller>[];

function compile(
  manifests: readonly Manifest[],
  callers: Callers,
  before: readonly IngressPlan[] = [],
): CompiledIngress {
  const snapshot = readSnapshot(workspaceManifest('team'), ...manifests);
  return compileIngress(snapshot, SETTINGS, before, { atMs: AT_MS, callers });
}

function rulesOf({ plans }: CompiledIngress): IngressRules {
  const [plan] = plans;
  if (plan === undefined) throw new Error('There is no plan');
  return plan.spec;
}

function withheld({ problems }: CompiledIngress): readonly (string | undefined)[] {
  return problems.filter(({ reason }) => reason === 'WouldLockOut').map(({ object }) => object);
}

const OFFICE = list('office', ['192.0.2.0/24']);
const ADMIN = '192.0.2.7';

describe('the lock-out guard', () => {
  const before = compile([conf(true), OFFICE], []);

  it.each<[string, readonly Manifest[]]>([
    ['allows others only', [conf(true), list('office', ['198.51.100.1'])]],
    ['blocks them', [conf(true), OFFICE, list('bad', ['192.0.2.0/28'], { listType: 'BLOCK' })]],
  ])('withholds a list that %s', (_, manifests) => {
    const after = compile(manifests, [caller(ADMIN)], before.plans);
    expect(withheld(after)).toHaveLength(1);
    expect(rulesOf(after)).toEqual(rulesOf(before));
    expect(after.problems[0]?.message).toContain(ADMIN);
    expect(withheld(compile(manifests, [caller(ADMIN, 25)], before.plans))).toEqual([]);
    expect(withheld(compile(manifests, [caller(ADMIN, 1, 'other')], before.plans))).toEqual([]);
  });

  it('withholds the switch where lists are there already that shut somebody out', () => {
    const off = compile([conf(false), OFFICE], []);
    const after = compile([conf(true), OFFICE], [caller('203.0.113.9')], off.plans);
    expect(withheld(after)).toEqual(['WorkspaceConf/team/workspace']);
    expect(rulesOf(after).enableIpAccessLists).toBe(false);
  });

  it('withholds the switch, and no list, where both come at once', () => {
    const after = compile([OFFICE, conf(true)], [caller('203.0.113.9')]);
    expect(withheld(after)).toEqual(['WorkspaceConf/team/workspace']);
    expect(rulesOf(after).lists).toHaveLength(1);
  });

  it('does not mind the order of changes of which one makes room for the other', () => {
    const moved = [list('office', ['198.51.100.1']), list('zoo', ['192.0.2.7'])];
    expect(withheld(compile([conf(true), ...moved], [caller(ADMIN)], before.plans))).toEqual([]);
  });

  it.each([
    ['true', []],
    [ADMIN, []],
    [`10.0.0.1, ${ADMIN}`, []],
    ['192.0.2.8', ['IpAccessList/team/office']],
    ['yes', ['IpAccessList/team/office']],
    ['', ['IpAccessList/team/office']],
  ])('takes %j for a confirmation as written', (confirmation, wanted) => {
    const closed = annotated(list('office', ['198.51.100.1']), { [CONFIRM]: confirmation });
    expect(withheld(compile([conf(true), closed], [caller(ADMIN)], before.plans))).toEqual(wanted);
  });
});

it('lets pass what the API has answered for, and no later edit of it', () => {
  const before = compile([conf(true), OFFICE], []);
  const mark = apiMark(readObject(list('office', ['198.51.100.1'])) as IpAccessList);
  const marked = annotated(list('office', ['198.51.100.1']), mark);
  expect(withheld(compile([conf(true), marked], [caller(ADMIN)], before.plans))).toEqual([]);
  const edited = annotated(list('office', ['198.51.100.2']), mark);
  expect(withheld(compile([conf(true), edited], [caller(ADMIN)], before.plans))).toHaveLength(1);
});

const entry = fc
  .record({ last: fc.nat(15), length: fc.constantFrom(28, 30, 31, 32, 32) })
  .map(({ last, length }) => `192.0.2.${last}/${length}`);
const written = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  ipAddresses: fc.array(entry, { maxLength: 4 }),
  listType: fc.constantFrom('ALLOW', 'ALLOW', 'BLOCK'),
  mode: fc.constantFrom('ENFORCED', 'ENFORCED', 'DRY_RUN'),
  enabled: fc.boolean(),
});
const state = fc.record({
  isOn: fc.boolean(),
  lists: fc.uniqueArray(written, { selector: ({ name }): string => name, maxLength: 4 }),
});
const callers = fc.array(
  fc.nat(15).map((last) => caller(`192.0.2.${last}`)),
  { maxLength: 4 },
);

interface State {
  readonly isOn: boolean;
  readonly lists: readonly (Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly ipAddresses: readonly string[];
  })[];
}

function manifestsOf({ isOn, lists }: State): readonly Manifest[] {
  return [conf(isOn), ...lists.map(({ name, ipAddresses, ...more }) => list(name, ipAddresses, more))];
}

describe('after any change of lists and switch', () => {
  const SEED = { seed: 13, numRuns: 1000 };

  it('an administrator who was let in is let in, and what is withheld stays as it was', () => {
    let withheldSome = 0;
    fc.assert(
      fc.property(state, state, callers, (first, second, seen) => {
        const before = compile(manifestsOf(first), []);
        const after = compile(manifestsOf(second), seen, before.plans);
        const names = new Set<string>(second.lists.map(({ name }) => name));
        // A list that is gone cannot be withheld.
        const former = rulesOf(before).lists.filter(({ listId }) => names.has(listId));
        const base = { ...rulesOf(before), lists: former };
        for (const { address } of seen) {
          if (decideIngress(base, address).isAllowed)
            expect(decideIngress(rulesOf(after), address).isAllowed).toBe(true);
        }
        const keys = withheld(after);
        if (keys.length > 0) withheldSome += 1;
        const find = ({ lists }: Pick<IngressRules, 'lists'>, key: string) =>
          lists.find(({ listId }) => key === `IpAccessList/team/${listId}`);
        for (const key of keys) expect(find(rulesOf(after), key ?? '')).toEqual(find(base, key ?? ''));
      }),
      SEED,
    );
    expect(withheldSome).toBeGreaterThan(SEED.numRuns / 20);
  });

  it('nothing is withheld that harms nobody, or that is confirmed', () => {
    fc.assert(
      fc.property(state, state, callers, (first, second, seen) => {
        const before = compile(manifestsOf(first), []);
        const free = compile(manifestsOf(second), [], before.plans);
        const guarded = compile(manifestsOf(second), seen, before.plans);
        const isHarmless = seen.every(({ address }) => decideIngress(rulesOf(free), address).isAllowed);
        if (isHarmless) expect(rulesOf(guarded)).toEqual(rulesOf(free));
        const sure = manifestsOf(second).map((object) => annotated(object, { [CONFIRM]: 'true' }));
        expect(rulesOf(compile(sure, seen, before.plans))).toEqual(rulesOf(free));
      }),
      SEED,
    );
  });

  it('the next pass finds the same', () => {
    fc.assert(
      fc.property(state, state, callers, (first, second, seen) => {
        const before = compile(manifestsOf(first), []);
        const once = compile(manifestsOf(second), seen, before.plans);
        const twice = compile(manifestsOf(second), seen, once.plans);
        expect(rulesOf(twice)).toEqual(rulesOf(once));
      }),
      SEED,
    );
  });
});
