// Many clients at once: nothing fails, no limit is exceeded, no update is lost, no label stands twice.
import type { ApiAnswer } from '../support/api/api-client.ts';
import { ANALYTICS } from '../support/api/api-stage.ts';

type Send = (call: {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}) => Promise<ApiAnswer>;

const LISTS = '/api/2.0/ip-access-lists';
const CLIENTS = 200;
/** So that 142 of them fit. */
const VALUES = 7;

/** `send` spreads the calls over whatever replicas there are. */
export async function crowd(send: Send): Promise<void> {
  const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    send({ method, path, headers: ANALYTICS, ...(body === undefined ? {} : { body }) });
  const addresses = (client: number, count: number): readonly string[] =>
    Array.from({ length: count }, (_, at) => `10.${client}.0.${at}`);
  const created = await Promise.all(
    Array.from({ length: CLIENTS }, (_, client) =>
      call('POST', LISTS, {
        label: `c${client}`,
        list_type: 'BLOCK',
        ip_addresses: addresses(client, VALUES),
      }),
    ),
  );
  expect(tally(created)).toEqual({ '200': 142, '400 QUOTA_EXCEEDED': CLIENTS - 142 });
  expect(countOf(await lists(call))).toBe(142 * VALUES);
  await updateTogether(call);
  await labelTogether(call);
}

type CallOf = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<ApiAnswer>;

/** Half of the clients disable each list, the others change its label: both must be seen afterwards. */
async function updateTogether(call: CallOf): Promise<void> {
  const some = (await lists(call)).slice(0, CLIENTS / 4);
  const answers = await Promise.all(
    some.flatMap(({ list_id, label }) => [
      call('PATCH', `${LISTS}/${list_id}`, { enabled: false }),
      call('PATCH', `${LISTS}/${list_id}`, { label: `${label}-new` }),
      call('PATCH', `${LISTS}/${list_id}`, { list_type: 'ALLOW' }),
      call('GET', `${LISTS}/${list_id}`),
    ]),
  );
  expect(tally(answers)).toEqual({ '200': CLIENTS });
  const after = new Map((await lists(call)).map((list) => [list.list_id, list]));
  for (const { list_id, label } of some) {
    expect(after.get(list_id)).toMatchObject({ enabled: false, label: `${label}-new`, list_type: 'ALLOW' });
  }
}

/** All want one label: one gets it, and nobody sees an error of the server. */
async function labelTogether(call: CallOf): Promise<void> {
  const found = await lists(call);
  const deleted = await Promise.all(found.map(({ list_id }) => call('DELETE', `${LISTS}/${list_id}`)));
  expect(tally(deleted)).toEqual({ '200': found.length });
  const body = { label: 'one', list_type: 'BLOCK', ip_addresses: ['10.0.0.1'] };
  const answers = await Promise.all(Array.from({ length: CLIENTS }, () => call('POST', LISTS, body)));
  expect(tally(answers)).toEqual({ '200': 1, '400 RESOURCE_ALREADY_EXISTS': CLIENTS - 1 });
}

interface List {
  readonly list_id: string;
  readonly label: string;
  readonly address_count: number;
}

async function lists(call: CallOf): Promise<readonly List[]> {
  const { body } = await call('GET', LISTS);
  return (body as { readonly ip_access_lists: readonly List[] }).ip_access_lists;
}

function countOf(found: readonly List[]): number {
  return found.reduce((sum, { address_count }) => sum + address_count, 0);
}

function tally(answers: readonly ApiAnswer[]): Readonly<Record<string, number>> {
  const names = answers.map(({ status, body }) => {
    const code = (body as { readonly error_code?: string }).error_code;
    return code === undefined ? String(status) : `${status} ${code}`;
  });
  return Object.fromEntries(
    [...Map.groupBy(names, (name) => name)].map(([name, same]) => [name, same.length]),
  );
}
