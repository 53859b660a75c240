// Random calls for lists and the switch, compared with a small model of what Databricks says about them: the same
// answers in either mode, and in the end the same lists. `SEED=7` before the test for another sequence.
import fc from 'fast-check';
import type { ApiAnswer } from '../support/api/api-client.ts';
import { type ApiStage, from } from '../support/api/api-stage.ts';
import { clearLists } from './list-faults.ts';

const LISTS = '/api/2.0/ip-access-lists';
const CONF = '/api/2.0/workspace-conf';
const ME = '203.0.113.7';

interface List {
  readonly label: string;
  readonly list_type: 'ALLOW' | 'BLOCK';
  readonly ip_addresses: readonly string[];
  readonly enabled: boolean;
}

type Step =
  | { readonly do: 'create'; readonly list: List }
  | { readonly do: 'replace'; readonly at: number; readonly list: List }
  | { readonly do: 'update'; readonly at: number; readonly some: Partial<List> }
  | { readonly do: 'delete' | 'get'; readonly at: number }
  | { readonly do: 'switch'; readonly on: boolean };

/** With the caller, around it, and elsewhere; the last has more values than fit twice. */
const addresses = fc.constantFrom<readonly string[]>(
  [ME],
  ['203.0.113.99/24', '2001:db8::/32'],
  ['198.51.100.1'],
  [],
  Array.from({ length: 600 }, (_, at) => `10.1.${at >> 8}.${at & 255}`),
);
const list: fc.Arbitrary<List> = fc.record({
  label: fc.constantFrom('a', 'b'),
  list_type: fc.constantFrom('ALLOW' as const, 'BLOCK' as const),
  ip_addresses: addresses,
  enabled: fc.boolean(),
});
const at = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const), list }) },
  fc.record({ do: fc.constant('replace' as const), at, list }),
  fc.record({
    do: fc.constant('update' as const),
    at,
    some: list.map(({ enabled, label }) => ({ enabled, label })),
  }),
  fc.record({ do: fc.constantFrom('delete' as const, 'get' as const), at }),
  fc.record({ do: fc.constant('switch' as const), on: fc.boolean() }),
);

interface World {
  on: boolean;
  lists: { readonly id: string; readonly list: List }[];
}

export async function answersLikeTheModel(stage: ApiStage, numRuns: number): Promise<void> {
  const seed = Number(process.env['SEED'] ?? 13);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 15 }), async (steps) => {
      await clearLists(stage, from(ME));
      const world: World = { on: false, lists: [] };
      for (const one of steps) await takeStep(stage, world, one);
      const { body } = await call(stage, 'GET', LISTS);
      const found = (body as { ip_access_lists: (List & { list_id: string })[] }).ip_access_lists;
      expect(found).toMatchObject(world.lists.map(({ id, list }) => ({ list_id: id, ...list })));
      expect(found).toHaveLength(world.lists.length);
    }),
    { seed, numRuns, endOnFailure: true },
  );
  await clearLists(stage, from(ME));
}

async function takeStep(stage: ApiStage, world: World, one: Step): Promise<void> {
  const { path, method, body, next, id } = planOf(world, one);
  const answer = await call(stage, method, path, body);
  const code = (answer.body as { readonly error_code?: string }).error_code;
  const fault = next === undefined ? 'RESOURCE_DOES_NOT_EXIST' : faultOf(world, next, one, id);
  expect([one, code]).toEqual([one, fault]);
  if (fault !== undefined || next === undefined) return;
  Object.assign(world, next);
  const made = (answer.body as { ip_access_list?: { list_id: string } }).ip_access_list?.list_id;
  world.lists = world.lists.map((known) => (known.id === '' ? { ...known, id: made ?? '' } : known));
}

interface Plan {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Undefined: there is no such list. */
  readonly next: World | undefined;
  /** Of the list that the step is about; "" for a new one. */
  readonly id: string;
}

function planOf(world: World, one: Step): Plan {
  if (one.do === 'switch') {
    const body = { enableIpAccessLists: String(one.on) };
    return { method: 'PATCH', path: CONF, body, next: { ...world, on: one.on }, id: '-' };
  }
  if (one.do === 'create') {
    const lists = [...world.lists, { id: '', list: one.list }];
    return { method: 'POST', path: LISTS, body: one.list, next: { ...world, lists }, id: '' };
  }
  const known = world.lists[one.at];
  const id = known?.id ?? 'unknown';
  const path = `${LISTS}/${id}`;
  const having = (list: List | undefined): World | undefined => {
    if (known === undefined) return undefined;
    const at = world.lists.indexOf(known);
    return { ...world, lists: world.lists.toSpliced(at, 1, ...(list === undefined ? [] : [{ id, list }])) };
  };
  switch (one.do) {
    case 'replace':
      return { method: 'PUT', path, body: one.list, next: having(one.list), id };
    case 'update':
      return {
        method: 'PATCH',
        path,
        body: one.some,
        next: known && having({ ...known.list, ...one.some }),
        id,
      };
    case 'delete':
      return { method: 'DELETE', path, next: having(undefined), id };
    default:
      return { method: 'GET', path, next: known && world, id };
  }
}

/** In the order of the server. */
function faultOf(world: World, next: World, one: Step, id: string): string | undefined {
  const changesList = one.do === 'create' || one.do === 'replace' || one.do === 'update';
  if (changesList) {
    const count = ({ lists }: World): number =>
      lists.reduce((sum, { list }) => sum + Math.max(1, list.ip_addresses.length), 0);
    if (count(next) > 1000 && count(next) > count(world)) return 'QUOTA_EXCEEDED';
    const own = next.lists.find((known) => known.id === id)?.list;
    const isTaken = next.lists.some(
      (known) => known.id !== id && known.list.label === own?.label && known.list.list_type === own.list_type,
    );
    if (isTaken) return 'RESOURCE_ALREADY_EXISTS';
  }
  return admits(world) && !admits(next) ? 'INVALID_STATE' : undefined;
}

/** R89-R93, for the one caller of this test. */
function admits({ on, lists }: World): boolean {
  const enabled = lists.map(({ list }) => list).filter((list) => list.enabled);
  const holdsMe = ({ ip_addresses }: List): boolean =>
    ip_addresses.some((text) => text.startsWith('203.0.113.'));
  const ofType = (type: string): readonly List[] => enabled.filter(({ list_type }) => list_type === type);
  if (!on) return true;
  if (ofType('BLOCK').some(holdsMe)) return false;
  return ofType('ALLOW').length === 0 || ofType('ALLOW').some(holdsMe);
}

function call(stage: ApiStage, method: Plan['method'], path: string, body?: unknown): Promise<ApiAnswer> {
  return stage.call({ method, path, headers: from(ME), ...(body === undefined ? {} : { body }) });
}
