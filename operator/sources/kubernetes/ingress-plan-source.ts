// The IngressPlans that the operator compiled. One that cannot be read is replaced by its last good version; where
// there is none, by one that denies everybody.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { memoizeLast } from '../../lib/memo.ts';
import { INGRESS_PLANS } from '../../model/cluster-resources.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { type ParsedCompiled, parseIngressPlan } from '../../model/parse-compiled.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import { Reflector, type ReflectorFailure, type ReflectorProgress } from './reflector.ts';

export interface IngressPlanSourceOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly onChange: () => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
}

interface Item {
  readonly name: string;
  readonly parsed: ParsedCompiled<IngressPlan>;
}

export class IngressPlanSource {
  readonly #plans: Reflector<Item>;
  readonly #read: (items: readonly Item[]) => readonly IngressPlan[];

  constructor({ api, namespace, onChange, onFailure }: IngressPlanSourceOptions) {
    this.#plans = new Reflector<Item>({
      api,
      namespace,
      resource: INGRESS_PLANS,
      labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
      transform: (raw: KubernetesObject) => ({ name: raw.metadata.name, parsed: parseIngressPlan(raw) }),
      onChange,
      onFailure,
    });
    let known = new Map<string, IngressPlan>();
    this.#read = memoizeLast((items: readonly Item[]) => {
      known = new Map(
        items.map(({ name, parsed }) => [
          name,
          'object' in parsed ? parsed.object : (known.get(name) ?? closedPlan(name)),
        ]),
      );
      return [...known.values()];
    });
  }

  start(): void {
    this.#plans.start();
  }

  async stop(): Promise<void> {
    await this.#plans.stop();
  }

  progress(): readonly ReflectorProgress[] {
    return [this.#plans.progress()];
  }

  hasSynced(): boolean {
    return this.#plans.hasSynced();
  }

  /** The very same array as before where nothing has changed. */
  read(): readonly IngressPlan[] {
    return this.#read(this.#plans.items());
  }
}

function closedPlan(name: string): IngressPlan {
  return {
    kind: 'IngressPlan',
    metadata: { name },
    spec: {
      level: 'WORKSPACE',
      workspaceId: '',
      revision: 'unreadable',
      enableIpAccessLists: true,
      unreadableLists: ['*'],
      lists: [],
      tlsPassthrough: false,
    },
  };
}
