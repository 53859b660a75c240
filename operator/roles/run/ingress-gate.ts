// Ingress of `sallyport run`: an Envoy of its own while some workspace has hosts. It has a loop of its own, so that
// neither side waits for the other.
import { type IngressFault, resolveIngress } from '../../compile/ingress/resolve-ingress.ts';
import type { RunConfig } from '../../config.ts';
import type { GatewayHooks, GatewayPlace } from '../../gateway/gateway-parts.ts';
import { type IngressEndpoint, ingressEndpoints } from '../../gateway/ingress/ingress-endpoints.ts';
import { type IngressHooks, type IngressParts, ingressParts } from '../../gateway/ingress/ingress-parts.ts';
import { envoyMemoryBytes } from '../../gateway/process/envoy-memory.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { Problem } from '../../model/problem.ts';
import { findObject, formatKey, isUnreadable, type Snapshot } from '../../model/snapshot.ts';
import { WORKSPACE_CONF_NAME } from '../../model/workspace-conf.ts';
import type { StateReport } from './state-report.ts';
import type { RunView } from './view.ts';

const MIN_INTERVAL_MS = 10;
const RETRY_MS = 2000;
const MAX_INTERVAL_MS = 3_600_000;

export interface IngressGateOptions {
  readonly config: RunConfig;
  readonly place: GatewayPlace;
  readonly hooks: GatewayHooks;
  readonly onRefused: IngressHooks['onRefused'];
  readonly view: RunView;
  readonly report: StateReport;
  /** Where hosts are listened for has changed. */
  readonly onEndpoints: () => Promise<readonly string[]>;
}

/** Its own Problem says why. */
const SECRET_FAULT = 'correct it';

interface Wanted {
  readonly plans: readonly IngressPlan[];
  readonly snapshot: Snapshot;
}

export class IngressGate {
  readonly #options: IngressGateOptions;
  readonly #parts: IngressParts;
  readonly #loop: Loop;
  #wanted: Wanted | undefined;
  #endpoints: readonly IngressEndpoint[] = [];

  constructor(options: IngressGateOptions) {
    this.#options = options;
    const { config, place } = options;
    const hooks = hooksOf(options, () => this.#loop.trigger());
    this.#parts = ingressParts(config, place, hooks, memoryOf(config));
    this.#loop = new Loop({
      job: () => this.#run(),
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => options.view.failure(`Ingress: ${(error as Error).message}`),
    });
    this.#parts.polls.start();
  }

  get endpoints(): readonly IngressEndpoint[] {
    return this.#endpoints;
  }

  get envoyPid(): number | undefined {
    return this.#parts.envoy.pid;
  }

  /** Soon in force, or reported. */
  offer(wanted: Wanted): void {
    if (this.#wanted?.plans === wanted.plans && this.#wanted.snapshot === wanted.snapshot) return;
    this.#wanted = wanted;
    this.#loop.trigger();
  }

  settled(): Promise<void> {
    return this.#loop.settled();
  }

  /** Ends Envoy. */
  async stop(): Promise<void> {
    await this.#parts.polls.stop();
    await this.#loop.stop();
    await this.#parts.envoy.stop();
  }

  async #run(): Promise<JobResult> {
    if (this.#wanted === undefined) return {};
    const { plans, snapshot } = this.#wanted;
    const { report, onEndpoints } = this.#options;
    const { pass, settings } = this.#parts;
    const resolved = resolveIngress(plans, directoryOf(snapshot));
    report.problems(resolved.faults.map(problemOf), 'ingress');
    const { heldBack, unsaved, missingListeners } = await pass.run(plans, resolved);
    this.#endpoints = ingressEndpoints(plans, resolved.certificates, settings, missingListeners);
    const unfinished = [...heldBack, ...unsaved, ...(await onEndpoints())];
    report.heldBack(unfinished, 'ingress');
    report.ingress(this.#endpoints);
    return unfinished.length === 0 ? {} : { runAgainAtMs: SYSTEM_CLOCK.nowMs() + RETRY_MS };
  }
}

/** Servers stand in the folder with their addresses; there are no Services. */
function directoryOf(snapshot: Snapshot): Parameters<typeof resolveIngress>[1] {
  return {
    findCertificate: (namespace, name) => findObject(snapshot, 'Secret', name, namespace)?.certificate,
    faultOfSecret: (namespace, name) =>
      isUnreadable(snapshot, 'Secret', name, namespace) ? SECRET_FAULT : undefined,
    findService: () => undefined,
  };
}

function problemOf({ workspace, reason, message, field }: IngressFault): Problem {
  const key = { kind: 'WorkspaceConf', namespace: workspace, name: WORKSPACE_CONF_NAME } as const;
  return { reason, message, object: formatKey(key), field };
}

/** Two Envoys share the machine; each is denied more than its half before it can take from the other. */
function memoryOf({ envoyMemoryMb }: RunConfig): number {
  const all = envoyMemoryBytes(envoyMemoryMb);
  return envoyMemoryMb === undefined ? Math.floor(all / 2) : all;
}

function hooksOf({ hooks, onRefused, view }: IngressGateOptions, onNewEnvoy: () => void): IngressHooks {
  return {
    ...hooks,
    onRefused,
    onEnvoyRestart: (restart) => {
      hooks.onEnvoyRestart(restart);
      onNewEnvoy();
    },
    onStop: () => view.progress('Stopped Envoy for ingress: no workspace has hosts any more'),
  };
}
