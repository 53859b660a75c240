// The ingress plans of a folder. Lists that were accepted stay so, hence the plans of the last time count.
import { type CompiledIngress, compileIngress } from '../../compile/ingress/ingress-plans.ts';
import { memoizeLast } from '../../lib/memo.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { SYSTEM_NAMESPACE } from '../../model/system-names.ts';

const SETTINGS = { systemNamespace: SYSTEM_NAMESPACE, backendField: 'address' } as const;

export class FolderPlans {
  readonly #compile = memoizeLast((snapshot: Snapshot) => compileIngress(snapshot, SETTINGS, this.#current));
  #current: readonly IngressPlan[] | undefined;

  /** They are in force at once. */
  compile(snapshot: Snapshot): CompiledIngress {
    const compiled = this.#compile(snapshot);
    this.#current = compiled.plans;
    return compiled;
  }

  /** Undefined before the first reading; the very same array while nothing has changed. */
  get current(): readonly IngressPlan[] | undefined {
    return this.#current;
  }
}
