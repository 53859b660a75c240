// Many clients of the REST API at once: each creates a list, changes it in two calls at the same time, replaces it,
// reads it, and half of them delete it. Checked meanwhile: no 5xx, no value beyond the limit, no answered write missing.
import type { ApiAnswer, ApiCall } from '../support/api/api-client.ts';
import type { RestSystem } from './rest-system.ts';

const MAX_VALUES = 1000;
const LISTS = '/api/2.0/ip-access-lists';

export interface CrowdFindings {
  readonly answers: number;
  readonly answersPerSecond: number;
  /** Status, with the error code of those that are none of success. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly serverErrors: number;
  /** Answered writes that a later reading did not show. */
  readonly lost: readonly string[];
  /** Most values that one workspace had at any reading. */
  readonly mostValues: number;
}

interface List {
  readonly list_id: string;
  readonly label: string;
  readonly enabled: boolean;
  readonly ip_addresses: readonly string[];
}

export async function runCrowd(
  system: RestSystem,
  clients: number,
  workspaceOf: (client: number) => string,
): Promise<CrowdFindings> {
  const crowd = new Crowd(system);
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: clients }, (_, client) => crowd.client(workspaceOf(client), client)),
  );
  const seconds = (performance.now() - startMs) / 1000;
  await crowd.readAll();
  return crowd.findings(seconds);
}

class Crowd {
  readonly #system: RestSystem;
  readonly #tally = new Map<string, number>();
  readonly #lost: string[] = [];
  /** What must be there at the end, by workspace and id; false: what must not. */
  readonly #expected = new Map<string, Map<string, List | false>>();
  #answers = 0;
  #serverErrors = 0;
  #mostValues = 0;

  constructor(system: RestSystem) {
    this.#system = system;
  }

  async client(workspace: string, client: number): Promise<void> {
    const ip_addresses = Array.from({ length: 7 }, (_, at) => `10.200.${client}.${at}`);
    const body = { label: `client-${client}`, list_type: 'BLOCK', ip_addresses };
    const created = await this.#call(workspace, { method: 'POST', path: LISTS, body });
    await this.#readTotal(workspace);
    if (created.status !== 200) return;
    const { list_id } = listIn(created);
    const path = `${LISTS}/${list_id}`;
    const label = `client-${client}-changed`;
    await Promise.all([
      this.#call(workspace, { method: 'PATCH', path, body: { enabled: false } }),
      this.#call(workspace, { method: 'PATCH', path, body: { label } }),
    ]);
    await this.#expect(workspace, { list_id, label, enabled: false, ip_addresses });
    const whole = { ...body, label, enabled: true, ip_addresses: ip_addresses.slice(1) };
    await this.#call(workspace, { method: 'PUT', path, body: whole });
    const last = { list_id, label, enabled: true, ip_addresses: whole.ip_addresses };
    await this.#expect(workspace, last);
    const isDeleted = client % 2 === 0;
    if (isDeleted) await this.#call(workspace, { method: 'DELETE', path });
    const expected = this.#expected.get(workspace) ?? new Map<string, List | false>();
    this.#expected.set(workspace, expected.set(list_id, isDeleted ? false : last));
  }

  /** At the end: everything answered is there, and nothing that was deleted. Then all of it goes. */
  async readAll(): Promise<void> {
    for (const [workspace, expected] of this.#expected) {
      const found = new Map((await this.#readTotal(workspace)).map((list) => [list.list_id, list]));
      for (const [id, list] of expected) {
        const there = found.get(id);
        if (list === false ? there !== undefined : !isSame(there, list))
          this.#lost.push(`${workspace}/${id} at the end`);
        if (there !== undefined)
          await this.#system.call(workspace, { method: 'DELETE', path: `${LISTS}/${id}` });
      }
    }
  }

  findings(seconds: number): CrowdFindings {
    return {
      answers: this.#answers,
      answersPerSecond: this.#answers / seconds,
      byStatus: Object.fromEntries(this.#tally),
      serverErrors: this.#serverErrors,
      lost: this.#lost,
      mostValues: this.#mostValues,
    };
  }

  async #expect(workspace: string, list: List): Promise<void> {
    const found = await this.#call(workspace, { method: 'GET', path: `${LISTS}/${list.list_id}` });
    if (!isSame(listIn(found), list)) this.#lost.push(`${workspace}/${list.list_id}`);
  }

  async #readTotal(workspace: string): Promise<readonly List[]> {
    const { body } = await this.#call(workspace, { method: 'GET', path: LISTS });
    const { ip_access_lists: lists = [] } = body as { readonly ip_access_lists?: readonly List[] };
    const values = lists.reduce((sum, { ip_addresses }) => sum + ip_addresses.length, 0);
    this.#mostValues = Math.max(this.#mostValues, values);
    return lists;
  }

  async #call(workspace: string, call: ApiCall): Promise<ApiAnswer> {
    const answer = await this.#system.call(workspace, call);
    const { error_code } = answer.body as { readonly error_code?: string };
    const key = [call.method, answer.status, error_code].filter((part) => part !== undefined).join(' ');
    this.#tally.set(key, (this.#tally.get(key) ?? 0) + 1);
    this.#answers += 1;
    if (answer.status >= 500) this.#serverErrors += 1;
    return answer;
  }
}

function listIn({ body }: ApiAnswer): List {
  return (body as { readonly ip_access_list?: List }).ip_access_list ?? NO_LIST;
}

const NO_LIST: List = { list_id: '', label: '', enabled: false, ip_addresses: [] };

function isSame(found: List | undefined, wanted: List): boolean {
  return (
    found?.label === wanted.label &&
    found.enabled === wanted.enabled &&
    found.ip_addresses.join() === wanted.ip_addresses.join()
  );
}

export function keepsLimit({ mostValues }: CrowdFindings): boolean {
  return mostValues <= MAX_VALUES;
}
