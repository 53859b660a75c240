// One row of the table of workloads: what a kind is recognised by, and how it is restarted.
import type { Product } from './product.ts';
import type { RestartProcedure } from './restart-procedure.ts';

export interface ProductMark {
  readonly label: string;
  /** Left out: whatever the label says. */
  readonly value?: string;
}

interface WorkloadOwner {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** Plurals of its group that stand between it and its pods, and are no rows of the table. */
  readonly through?: readonly string[];
}

export interface WorkloadKind {
  /** For people: "KServe InferenceService". */
  readonly name: string;
  /** That admission gives its pods; undefined where that follows from their label alone. */
  readonly product: Product | undefined;
  /** Labels of pods: one is enough. */
  readonly marks: readonly ProductMark[];
  /** The outermost owner of its pods; undefined where a pod is the workload itself. */
  readonly owner: WorkloadOwner | undefined;
  /** Of a pod: the name of the workload, where owners cannot be read. */
  readonly nameLabel: string | undefined;
  readonly restart: RestartProcedure;
}

/** Its commands name its owner as kubectl does: "notebooks.kubeflow.org". */
export function owned(
  kind: Omit<WorkloadKind, 'owner' | 'restart'> & {
    readonly owner: WorkloadOwner;
    readonly restart: (resource: string) => RestartProcedure;
  },
): WorkloadKind {
  return { ...kind, restart: kind.restart(`${kind.owner.plural}.${kind.owner.group}`) };
}
