// `kubectl sallyport status`: workspaces, what keeps them from being ready, gateways and the collector. What may not be
// read is said in its place, and the rest is shown.
import { getOverStream } from '../../lib/get-over-stream.ts';
import {
  GATEWAY_REPORTS,
  NETWORK_POLICIES,
  POLICY_ASSIGNMENTS,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import type { GatewayReport } from '../../model/gateway-report.ts';
import {
  type CompiledObject,
  type ParsedCompiled,
  parseGatewayReport,
  parseWorkspacePlan,
} from '../../model/parse-compiled.ts';
import { COLLECTOR_NAME, GATEWAY_HEALTH_PORT } from '../../model/system-names.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { type PersonConfig, type PersonOptions, readPersonConfig } from '../../person-config.ts';
import { type OpenPort, openCollector } from '../shared/collector-of-cluster.ts';
import { noSuchWorkspace } from '../shared/known-workspaces.ts';
import { nothingRuns } from '../shared/nothing-runs.ts';
import { connectPerson, type PersonApi, readAll } from '../shared/person-access.ts';
import { printableField } from '../shared/person-terminal.ts';
import {
  type ConditionedObject,
  formatConditions,
  formatGateways,
  formatRejections,
  formatSentences,
  formatWorkspaces,
} from './cluster-status.ts';
import { describeLag } from './collector-lag.ts';

export interface StatusOptions extends PersonOptions {
  /** Only this workspace. */
  readonly namespace?: string;
}

export interface StatusSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  /** Columns of the terminal; absent in a pipe, where nothing is left out or broken. */
  readonly width?: number | undefined;
  /** Instead of through the API server. */
  readonly openPort?: OpenPort;
}

const FAILED = 1;

export async function statusCommand(
  options: StatusOptions,
  surroundings: StatusSurroundings,
): Promise<number> {
  const { environment, write } = surroundings;
  let api: Awaited<ReturnType<typeof connectPerson>> | undefined;
  try {
    const config = readPersonConfig(options, environment);
    api = await connectPerson(config);
    return (await showStatus({ api, config, options, surroundings })) ? 0 : FAILED;
  } catch (error) {
    write(`${printableField((error as Error).message)}\n`);
    return FAILED;
  } finally {
    await api?.close();
  }
}

interface Asking {
  readonly api: PersonApi;
  readonly config: PersonConfig;
  readonly options: StatusOptions;
  readonly surroundings: StatusSurroundings;
}

/** Of a kind, with a sentence for each that cannot be read. */
interface Found<Kind> {
  readonly items: readonly Kind[];
  readonly faults: readonly string[];
}

/** Whether everything could be read. */
async function showStatus({ api, config, options, surroundings }: Asking): Promise<boolean> {
  const { write, width, openPort } = surroundings;
  const { systemNamespace: namespace } = config;
  const plans = await compiled(api, { resource: WORKSPACE_PLANS, namespace, parse: parseWorkspacePlan });
  const objects = await conditioned(api);
  const reports = await compiled(api, { resource: GATEWAY_REPORTS, namespace, parse: parseGatewayReport });
  const shown = plans.items.filter(isWanted(options));
  const nothing = whyNothing(plans, reports, { ...options, systemNamespace: namespace });
  if (shown.length === 0 && nothing !== undefined) throw new Error(nothing);
  const lag = await found(collectorLag({ api, config, ...(openPort === undefined ? {} : { openPort }) }));
  const gateways = (): string =>
    `${formatGateways(reports.items, plans.items, { nowMs: Date.now(), width })}${formatRejections(reports.items, width)}`;
  const sections = [
    section(plans, width, () => formatWorkspaces(shown, objects.items, width)),
    section(objects, width, () => formatConditions(objects.items.filter(belongsTo(shown, options)), width)),
    section(reports, width, gateways),
    section(lag, width, () => formatSentences(lagSentences(lag.items), width)),
  ];
  write(sections.filter((text) => text !== '').join('\n'));
  return [plans, objects, reports, lag].every(({ faults }) => faults.length === 0);
}

/** What could not be read is said in its place: nothing read is not nothing there. */
function section<Kind>(
  { items, faults }: Found<Kind>,
  width: number | undefined,
  format: () => string,
): string {
  const text = items.length === 0 && faults.length > 0 ? '' : format();
  return `${text}${formatSentences(faults, width)}`;
}

function lagSentences(sentences: readonly string[]): readonly string[] {
  return sentences.map((sentence) => `Collector, ${sentence}`);
}

/** Where there is no such workspace, or nothing of Sallyport at all. */
function whyNothing(
  plans: Found<WorkspacePlan>,
  reports: Found<GatewayReport>,
  { namespace, systemNamespace }: StatusOptions & { readonly systemNamespace: string },
): string | undefined {
  if (plans.faults.length + reports.faults.length > 0) return undefined;
  if (plans.items.length + reports.items.length === 0) return nothingRuns(systemNamespace);
  const names = plans.items.map(({ metadata }) => metadata.name);
  return namespace === undefined ? undefined : noSuchWorkspace(namespace, 'the cluster', names);
}

async function compiled<Kind>(
  api: PersonApi,
  {
    resource,
    namespace,
    parse,
  }: {
    readonly resource: typeof WORKSPACE_PLANS;
    readonly namespace: string;
    readonly parse: (raw: CompiledObject) => ParsedCompiled<Kind>;
  },
): Promise<Found<Kind>> {
  const { items, faults } = await found(readAll(api, resource, { namespace }));
  const parsed = (items as readonly CompiledObject[]).map(parse);
  return {
    items: parsed.flatMap((one) => ('object' in one ? [one.object] : [])),
    faults: [...faults, ...parsed.flatMap((one) => ('fault' in one ? [one.fault] : []))],
  };
}

async function conditioned(api: PersonApi): Promise<Found<ConditionedObject>> {
  const kinds = [POLICY_ASSIGNMENTS, NETWORK_POLICIES];
  const all = await Promise.all(
    kinds.map(async (resource) => {
      const { items, faults } = await found(readAll(api, resource));
      // Items of a list lack their kind.
      const objects = (items as readonly ConditionedObject[]).map((item) => ({
        ...item,
        kind: resource.kind,
      }));
      return { objects, faults };
    }),
  );
  return {
    items: all.flatMap(({ objects }) => objects),
    faults: all.flatMap(({ faults }) => faults),
  };
}

async function found<Kind>(reading: Promise<readonly Kind[]>): Promise<Found<Kind>> {
  try {
    return { items: await reading, faults: [] };
  } catch (error) {
    return { items: [], faults: [(error as Error).message] };
  }
}

function isWanted({ namespace }: StatusOptions): (plan: WorkspacePlan) => boolean {
  return ({ metadata, spec }) =>
    namespace === undefined || [metadata.name, spec.workspaceId].includes(namespace);
}

/** Of one workspace: its assignment and its policy. */
function belongsTo(
  plans: readonly WorkspacePlan[],
  { namespace }: StatusOptions,
): (object: ConditionedObject) => boolean {
  const own = new Set(
    plans.flatMap(({ metadata, spec }) => [
      `${POLICY_ASSIGNMENTS.kind}/${metadata.name}`,
      `${NETWORK_POLICIES.kind}/${spec.networkPolicyId}`,
    ]),
  );
  return ({ kind, metadata }) => namespace === undefined || own.has(`${kind}/${metadata.name}`);
}

const TIMEOUT_MS = 20_000;

async function collectorLag(place: Parameters<typeof openCollector>[0]): Promise<readonly string[]> {
  const stream = await openCollector(place, GATEWAY_HEALTH_PORT);
  try {
    return describeLag(
      await getOverStream(stream, { host: COLLECTOR_NAME, path: '/metrics', timeoutMs: TIMEOUT_MS }),
    );
  } catch (cause) {
    throw new Error(`Cannot read the metrics of the collector: ${(cause as Error).message}; try again`, {
      cause,
    });
  } finally {
    stream.destroy();
  }
}
