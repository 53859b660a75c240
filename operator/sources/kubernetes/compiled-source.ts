// A gateway's source of compiled objects: EgressTables and WorkspacePlans of its Namespace that the operator owns. One
// that cannot be parsed is replaced by its last good version, or left out where there is none. Nothing counts as
// deleted before everything has been read once.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { memoizeLast } from '../../lib/memo.ts';
import { type ClusterResource, EGRESS_TABLES, WORKSPACE_PLANS } from '../../model/cluster-resources.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { type ParsedCompiled, parseEgressTable, parseWorkspacePlan } from '../../model/parse-compiled.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { Reflector, type ReflectorFailure, type ReflectorProgress } from './reflector.ts';

export interface CompiledReading {
  readonly tables: readonly EgressTable[];
  readonly plans: readonly WorkspacePlan[];
  /** Workspaces whose plan cannot be parsed and has no last good version either. */
  readonly unreadable: readonly string[];
  /** Faults of those that cannot be parsed. */
  readonly faults: readonly string[];
}

export interface CompiledSourceOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** Last good objects of a former process. */
  readonly lastGood: Pick<CompiledReading, 'tables' | 'plans'>;
  readonly onChange: () => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
}

type Compiled = EgressTable | WorkspacePlan;

interface Item<Kind> {
  readonly name: string;
  readonly parsed: ParsedCompiled<Kind>;
}

export class CompiledSource {
  readonly #tables: Reflector<Item<EgressTable>>;
  readonly #plans: Reflector<Item<WorkspacePlan>>;
  readonly #read: () => CompiledReading;

  constructor({ namespace, lastGood, api, onChange, onFailure }: CompiledSourceOptions) {
    const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
    const shared = { api, namespace, labelSelector, onChange, onFailure };
    const reflect = <Kind>(
      resource: ClusterResource,
      parse: (raw: KubernetesObject) => ParsedCompiled<Kind>,
    ) =>
      new Reflector<Item<Kind>>({
        ...shared,
        resource,
        transform: (raw) => ({ name: raw.metadata.name, parsed: parse(raw) }),
      });
    this.#tables = reflect(EGRESS_TABLES, parseEgressTable);
    this.#plans = reflect(WORKSPACE_PLANS, parseWorkspacePlan);
    const tablesOf = memoizeLast(remembering(lastGood.tables));
    const plansOf = memoizeLast(remembering(lastGood.plans));
    const compute = memoizeLast(
      (tables: readonly Item<EgressTable>[], plans: readonly Item<WorkspacePlan>[]) => {
        const readable = plansOf(plans);
        const known = new Set(readable.map(({ metadata }) => metadata.name));
        return {
          tables: tablesOf(tables),
          plans: readable,
          unreadable: plans.map(({ name }) => name).filter((name) => !known.has(name)),
          faults: [...tables, ...plans].flatMap(({ parsed }) => ('fault' in parsed ? [parsed.fault] : [])),
        };
      },
    );
    const former: CompiledReading = { ...lastGood, unreadable: [], faults: [] };
    this.#read = () => (this.hasSynced() ? compute(this.#tables.items(), this.#plans.items()) : former);
  }

  start(): void {
    this.#tables.start();
    this.#plans.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#tables.stop(), this.#plans.stop()]);
  }

  progress(): readonly ReflectorProgress[] {
    return [this.#tables.progress(), this.#plans.progress()];
  }

  hasSynced(): boolean {
    return this.#tables.hasSynced() && this.#plans.hasSynced();
  }

  /** The very same reading as before where nothing has changed. Until everything has been read: the former state. */
  read(): CompiledReading {
    return this.#read();
  }
}

/** Items -> the objects, with the last good one in place of one that cannot be parsed. */
function remembering<Kind extends Compiled>(
  former: readonly Kind[],
): (items: readonly Item<Kind>[]) => readonly Kind[] {
  let known = new Map(former.map((object) => [object.metadata.name, object]));
  return (items) => {
    known = new Map(
      items.flatMap(({ name, parsed }) => {
        const object = 'object' in parsed ? parsed.object : known.get(name);
        return object === undefined ? [] : [[name, object]];
      }),
    );
    return [...known.values()];
  };
}
