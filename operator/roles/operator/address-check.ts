// Services that take addresses, and endpoints of workspaces that no selector chose, from before admission denied them
// (manifests/admission/protect-addresses.ts), or by an administrator. The network leads there what gateways and pods send,
// before it judges it. Listed now and then by the leader, since a watch of all Services would cost memory for few finds;
// each find is a Problem, and an Event of the object for as long as it lasts.
import type { EventRecorder } from '../../deliver/kubernetes/event-recorder.ts';
import { inParallel } from '../../deliver/kubernetes/in-parallel.ts';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { objectKey, pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { type ClusterResource, ENDPOINT_SLICES, SERVICES } from '../../model/cluster-resources.ts';
import { formatProblem, type Problem, type ProblemReason } from '../../model/problem.ts';
import { listInPages } from '../../sources/kubernetes/list-objects.ts';

/** Less than after which a series of Events ends. */
const INTERVAL_MS = 5 * 60_000;
const RETRY_INTERVAL_MS = 30_000;
/** How soon a new leader begins. */
const IDLE_MS = 15_000;
const MAX_NAMED = 5;

/** Slices that Kubernetes mirrors from Endpoints are among these: Services with a selector have none. */
const OF_NO_SELECTOR = 'endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io';
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export interface AddressCheckOptions {
  readonly api: KubernetesApi;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly systemNamespace: string;
  /** Whether it is the leader, and knows the Namespaces. */
  readonly mayLook: () => boolean;
  /** Names of their Namespaces. */
  readonly workspaces: () => ReadonlySet<string>;
  /** After a look that found something else than the one before. */
  readonly onChange: () => void;
}

interface Find {
  readonly problem: Problem;
  readonly object: KubernetesObject;
}

export class AddressCheck {
  readonly #options: AddressCheckOptions;
  readonly #loop: Loop;
  readonly #stopping = new AbortController();
  #problems: readonly Problem[] = [];

  constructor(options: AddressCheckOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: () => this.#job(),
      minIntervalMs: 0,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => {
        if (!this.#stopping.signal.aborted)
          options.logger.warn('Services that take addresses could not be looked for', { error });
      },
    });
  }

  start(): void {
    this.#loop.trigger();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.stop();
  }

  /** What the last look found; none where another replica looks. */
  problems(): readonly Problem[] {
    return this.#problems;
  }

  async #job(): Promise<JobResult> {
    if (this.#options.mayLook()) {
      await this.look();
      return {};
    }
    this.#problems = [];
    return { runAgainAtMs: Date.now() + IDLE_MS };
  }

  /** Throws where the API server does not answer, or the right is missing. */
  async look(): Promise<void> {
    const { logger, recorder, onChange } = this.#options;
    const finds = [...(await this.#services()), ...(await this.#endpointSlices())];
    const known = new Set(this.#problems.map(formatProblem));
    this.#problems = finds.map(({ problem }) => problem);
    const texts = this.#problems.map(formatProblem);
    for (const text of texts) if (!known.has(text)) logger.warn(text);
    await inParallel(finds, (find) => recorder.record(eventOf(find)));
    if (known.size !== texts.length || texts.some((text) => !known.has(text))) onChange();
  }

  #services(): Promise<readonly Find[]> {
    return this.#list(SERVICES, {}, externalAddresses);
  }

  #endpointSlices(): Promise<readonly Find[]> {
    const workspaces = this.#options.workspaces();
    return this.#list(ENDPOINT_SLICES, { labelSelector: OF_NO_SELECTOR }, (slice) =>
      workspaces.has(slice.metadata.namespace ?? '') ? foreignEndpoints(slice) : undefined,
    );
  }

  async #list(
    resource: ClusterResource,
    labels: { readonly labelSelector?: string },
    judge: (object: KubernetesObject) => Problem | undefined,
  ): Promise<readonly Find[]> {
    const finds: Find[] = [];
    const put = (object: KubernetesObject): void => {
      const problem = judge(object);
      if (problem !== undefined) finds.push({ object, problem });
    };
    const { api, systemNamespace } = this.#options;
    // Those of lanes are there, in thousands; anybody may give their own any label.
    const selection = { ...labels, fieldSelector: `metadata.namespace!=${systemNamespace}` };
    const { signal } = this.#stopping;
    const listing = { api, path: pathOf(resource), selection, signal };
    await listInPages(listing, { put, remove: () => undefined });
    return finds;
  }
}

/** In every Namespace. */
function externalAddresses(service: KubernetesObject): Problem | undefined {
  const { externalIPs = [] } = (service['spec'] ?? {}) as { readonly externalIPs?: readonly string[] };
  if (externalIPs.length === 0) return undefined;
  const message = `It takes what gateways and pods of all Namespaces send to ${someOf(externalIPs)}: remove spec.externalIPs or use type LoadBalancer, unless an administrator wants this`;
  return problemOf(service, 'ExternalAddresses', message, 'spec.externalIPs');
}

/** In a workspace. */
function foreignEndpoints(slice: KubernetesObject): Problem | undefined {
  const endpoints = (slice['endpoints'] ?? []) as readonly { readonly addresses?: readonly string[] }[];
  const addresses = endpoints.flatMap(({ addresses: own = [] }) => own);
  const service = slice.metadata.labels?.[SERVICE_NAME_LABEL];
  if (addresses.length === 0 || service === undefined) return undefined;
  const message = `Whoever dials Service "${service}", ingress gateways too, is led to ${someOf(addresses)}, which no selector chose: give the Service a selector, and delete its Endpoints and EndpointSlices written by hand`;
  return problemOf(slice, 'ForeignEndpoints', message, 'endpoints');
}

function problemOf(object: KubernetesObject, reason: ProblemReason, message: string, field: string): Problem {
  return { reason, message, object: objectKey(object), field };
}

function someOf(addresses: readonly string[]): string {
  const more = addresses.length - MAX_NAMED;
  const shown = addresses.slice(0, MAX_NAMED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function eventOf({ object: { apiVersion, kind, metadata }, problem: { reason, message } }: Find) {
  const { namespace = '', name, uid = '' } = metadata;
  const regarding = { apiVersion, kind, namespace, name, uid };
  return { namespace, regarding, type: 'Warning' as const, reason, action: 'Check', note: message };
}
