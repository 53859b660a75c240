// A cluster -> ClusterState and the objects that the operator owns, again whenever something changes. Results derived
// from a kind are recomputed only when that kind changed, so that equal input stays the very same object and the middle
// reuses its results.
import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import { memoize, memoizeEqual, memoizeLast } from '../../lib/memo.ts';
import type { ClusterState, TenantPolicy } from '../../model/cluster-state.ts';
import {
  type ParsedCompiled,
  parseCallerReport,
  parseEgressTable,
  parseGatewayReport,
  parseIngressPlan,
  parseWorkspacePlan,
} from '../../model/parse-compiled.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import { apiServerPlace } from './api-server-place.ts';
import {
  type ClusterReflectors,
  type ClusterReflectorsOptions,
  clusterReflectors,
} from './cluster-reflectors.ts';
import { type ParsedItem, snapshotOf } from './parsed-item.ts';
import { PluginReflectors } from './plugin-reflectors.ts';
import type { Reflector, ReflectorProgress } from './reflector.ts';

export interface ClusterReading {
  readonly state: ClusterState;
  /** Stored objects that the operator may own, by key. */
  readonly observed: ReadonlyMap<string, KubernetesObject>;
}

type Objects = readonly KubernetesObject[];

export class ClusterSource {
  readonly #reflectors: ClusterReflectors;
  readonly #plugins: PluginReflectors;
  readonly #derive = derivations();
  /** Of gateways and of the API: whether they have been read, and what they say but for its time. */
  #reported: unknown;

  constructor(options: Omit<ClusterReflectorsOptions, 'onReport'>) {
    const onReport = (): void => {
      if (this.#hasReportNews()) options.onChange();
    };
    this.#reflectors = clusterReflectors({ ...options, onReport });
    this.#plugins = new PluginReflectors(options);
  }

  start(): void {
    for (const reflector of this.#all()) reflector.start();
    this.#plugins.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#plugins, ...this.#all()].map((reflector) => reflector.stop()));
  }

  /** Each kind: whether it has been read once, and when the server last answered. */
  progress(): readonly ReflectorProgress[] {
    return [...this.#all().map((reflector) => reflector.progress()), ...this.#plugins.progress()];
  }

  hasSynced(): boolean {
    return [this.#plugins, ...this.#all()].every((reflector) => reflector.hasSynced());
  }

  /** The current state; complete only after every kind has been read once. */
  read(): ClusterReading {
    const derive = this.#derive;
    const all = this.#reflectors;
    const inputs = all.inputs.map(itemsOf);
    const state: ClusterState = {
      ...derive.snapshot(...inputs),
      namespaces: derive.namespaces(all.namespaces.items()),
      pods: all.pods.items(),
      gatewayPods: all.gatewayPods.items(),
      ingressPods: all.ingressPods.items(),
      gatewayReports: derive.reports(all.reports.items()),
      tables: derive.tables(all.tables.items()),
      plans: derive.plans(all.plans.items()),
      ingressPlans: derive.ingressPlans(all.ingressPlans.items()),
      callers: derive.callers(all.callerReports.items()),
      apiHits: derive.apiHits(all.callerReports.items()),
      serviceAddresses: derive.serviceAddresses(all.services.items()),
      tenantPolicies: derive.tenantPolicies(all.policies.items(), ...this.#plugins.lists()),
      apiServer: derive.apiServer(all.apiServices.items(), all.apiSlices.items()),
    };
    const owned = [
      ...[all.policies, all.tables, all.plans, all.services],
      ...[all.ingressPlans, all.roles, all.roleBindings],
    ].map(itemsOf);
    return { state, observed: derive.observed(derive.inputObjects(...inputs), ...owned) };
  }

  #all(): readonly Reflector<unknown>[] {
    return [...new Set(Object.values(this.#reflectors).flat())] as readonly Reflector<unknown>[];
  }

  /**
   * Those who report renew it and count hits all the time; only other changes count, and the first read of each: without
   * it, a pass that waits for the last reflector would never come.
   */
  #hasReportNews(): boolean {
    const before = this.#reported;
    const { reports, callerReports } = this.#reflectors;
    this.#reported = [reports, callerReports].map((reflector) => [
      reflector.hasSynced(),
      ...reflector.items().map(withoutTime),
    ]);
    return !isDeepStrictEqual(before, this.#reported);
  }
}

function itemsOf<Item>(reflector: Reflector<Item>): readonly Item[] {
  return reflector.items();
}

function derivations() {
  return {
    snapshot: memoizeLast((...lists: readonly (readonly ParsedItem[])[]) => snapshotOf(lists.flat())),
    inputObjects: memoizeLast(
      (...lists: readonly (readonly ParsedItem[])[]): Objects => lists.flat().map(({ object }) => object),
    ),
    namespaces: memoizeLast((items: readonly ParsedItem[]) => items.map(({ object }) => object.metadata)),
    reports: memoizeLast(parsedOnes(parseGatewayReport)),
    tables: memoizeLast(parsedOnes(parseEgressTable)),
    plans: memoizeLast(parsedOnes(parseWorkspacePlan)),
    ingressPlans: memoizeLast(parsedOnes(parseIngressPlan)),
    callers: memoizeEqual((items: Objects) => callerReportsOf(items).flatMap(({ spec }) => spec.callers)),
    apiHits: memoizeLast((items: Objects) =>
      callerReportsOf(items).flatMap(({ spec }) => spec.listHits ?? []),
    ),
    serviceAddresses: memoizeLast(serviceAddresses),
    // No object of a plugin's kind is ours, whatever its labels say.
    tenantPolicies: memoizeLast((policies: Objects, ...foreign: readonly Objects[]) =>
      [policies.filter((object) => !isOwned(object)), ...foreign].flat().map(tenantPolicyOf),
    ),
    apiServer: memoizeLast(apiServerPlace),
    observed: memoizeLast(
      (...lists: readonly Objects[]) => new Map(lists.flat().map((object) => [objectKey(object), object])),
    ),
  };
}

const callerReportsOf = parsedOnes(parseCallerReport);

/** Each is parsed once; where one of a thousand changes, the others stay the same objects. */
function parsedOnes<Kind>(
  parse: (raw: KubernetesObject) => ParsedCompiled<Kind>,
): (items: Objects) => readonly Kind[] {
  const parseOnce = memoize(parse);
  return (items) =>
    items.flatMap((item) => {
      const parsed = parseOnce(item);
      return 'object' in parsed ? [parsed.object] : [];
    });
}

function serviceAddresses(services: Objects): ReadonlyMap<string, readonly string[]> {
  const addressesOf = (service: KubernetesObject): readonly string[] =>
    (service['spec'] as { readonly clusterIPs?: readonly string[] } | undefined)?.clusterIPs ?? [];
  return new Map(services.map((service) => [service.metadata.name, addressesOf(service)]));
}

function withoutTime(report: KubernetesObject): unknown {
  const { renewTime: _, listHits: __, ...spec } = report['spec'] as Readonly<Record<string, unknown>>;
  return [report.kind, report.metadata.name, report.metadata.uid, spec];
}

function isOwned({ metadata }: KubernetesObject): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}

/** The parts of others' network policies that show whether they are broader than ours. */
function tenantPolicyOf({ apiVersion, kind, metadata, ...rest }: KubernetesObject): TenantPolicy {
  const { spec, specs = [] } = rest as { readonly spec?: unknown; readonly specs?: unknown };
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    specs: [spec, ...(Array.isArray(specs) ? (specs as readonly unknown[]) : [specs])].filter(
      (one) => one !== undefined,
    ),
  };
}
