// One pass over an ingress gateway: renders plans and brings them into force. Generations are stored before Envoy gets
// them, so that no restart continues a stream that should end.
import type { ResolvedIngress } from '../../compile/ingress/resolve-ingress.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { IngressResource, IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';
import { HTTP_LISTENER, TLS_LISTENER } from '../../render/envoy/ingress/ingress-names.ts';
import { renderIngress } from '../../render/envoy/ingress/render-ingress.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import type { XdsResult } from '../xds/xds-applier.ts';
import type { XdsEnvoy } from '../xds/xds-envoy.ts';
import { GenerationFile } from './generation-file.ts';
import { heldBackIngress } from './held-back-ingress.ts';

export interface IngressPassParts {
  readonly envoy: Pick<XdsEnvoy, 'serve'>;
  /** File of the generations of access. */
  readonly generationFile: string;
  readonly settings: IngressSettings;
  /** Called with the sentence about a file of generations that cannot be used. */
  readonly onDamaged: (sentence: string) => void;
}

export interface IngressPassResult {
  readonly status: XdsResult['status'];
  /** A sentence for each thing that is not in force. */
  readonly heldBack: readonly string[];
  /** Envoy's text by name of the plan, where something of it is not in force; empty: of no plan. */
  readonly rejected: ReadonlyMap<string, string>;
  /** Names of the listeners for clients that Envoy does not have. */
  readonly missingListeners: ReadonlySet<string>;
  /** What could not be stored, and why. */
  readonly unsaved: readonly string[];
}

const NO_ANSWER: Readonly<Partial<Record<XdsResult['status'], string>>> = {
  timeout: 'Envoy for ingress did not answer in time: it may run a former configuration',
  notRunning: 'Envoy for ingress does not run: nobody reaches the hosts of workspaces',
};

const CLIENT_LISTENERS = [HTTP_LISTENER, TLS_LISTENER];

export class IngressPass {
  readonly #parts: IngressPassParts;
  #generations: GenerationFile | undefined;

  constructor(parts: IngressPassParts) {
    this.#parts = parts;
  }

  /** One call after the other. Without any host Envoy is stopped. */
  async run(plans: readonly IngressPlan[], resolved: ResolvedIngress): Promise<IngressPassResult> {
    const { envoy, generationFile, settings, onDamaged } = this.#parts;
    this.#generations ??= await GenerationFile.open(generationFile, onDamaged);
    const generations = this.#generations.next(plans);
    const unsaved = await this.#generations.save();
    const isServed = plans.some(({ spec }) => (spec.hosts ?? []).length > 0);
    const input = { plans, ...resolved, generations, settings };
    const applied = await envoy.serve(isServed ? renderIngress(input) : undefined);
    const { result } = applied;
    const parts = result.status === 'heldBack' ? result.heldBack : [];
    const silence = NO_ANSWER[result.status];
    return {
      status: result.status,
      heldBack: silence === undefined ? await heldBackIngress(parts, settings) : [silence],
      rejected: new Map(parts.map((part) => [planOf(part), part.text])),
      missingListeners: new Set(
        result.status === 'notRunning' ? CLIENT_LISTENERS : parts.flatMap(missingListener),
      ),
      unsaved: [...(unsaved === undefined ? [] : [unsaved]), ...applied.unsaved],
    };
  }
}

function missingListener({ kind, name, isFormer }: HeldBackResource): readonly string[] {
  return kind === 'listener' && !isFormer ? [name] : [];
}

function planOf({ resource }: HeldBackResource): string {
  return (resource as IngressResource | undefined)?.workspace ?? '';
}
