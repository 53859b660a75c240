// `kubectl sallyport status`: workspaces, what keeps them from being ready, gateways and the collector. What may not be
// read is said in its place, and the rest is shown.
import { getOverStream } from '../../lib/get-over-stream.ts';
import {
  GATEWAY_REPORTS,
  NETWORK_POLICIES,
  POLICY_ASSIGNMENTS,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
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
import { connectPerson, type PersonApi, readAll } from '../shared/person-access.ts';
import {
  type ConditionedObject,
  formatConditions,
  formatGateways,
  formatRejections,
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
    write(`${(error as Error).message}\n`);
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

/** Whether everything could be read. */
async function showStatus({ api, config, options, surroundings }: Asking): Promise<boolean> {
  const { write, openPort } = surroundings;
  const { systemNamespace: namespace } = config;
  const faults: string[] = [];
  const parsed = async <Kind>(
    resource: typeof WORKSPACE_PLANS,
    parse: (raw: CompiledObject) => ParsedCompiled<Kind>,
  ): Promise<readonly Kind[]> => {
    const all = (await readAll(api, resource, { namespace }).catch(
      noted(faults),
    )) as readonly CompiledObject[];
    return all.map(parse).flatMap((one) => {
      if ('object' in one) return [one.object];
      faults.push(one.fault);
      return [];
    });
  };
  const plans = await parsed(WORKSPACE_PLANS, parseWorkspacePlan);
  const objects = await conditioned(api, faults);
  const reports = await parsed(GATEWAY_REPORTS, parseGatewayReport);
  const shown = plans.filter(isWanted(options));
  const relevant = objects.filter(belongsTo(shown, options));
  write(`${formatWorkspaces(shown, objects, options.namespace)}\n`);
  const conditions = formatConditions(relevant);
  if (conditions !== '') write(`${conditions}\n`);
  write(`${formatGateways(reports, plans, Date.now())}${formatRejections(reports)}\n`);
  const lag = await collectorLag({ api, config, ...(openPort === undefined ? {} : { openPort }) }).catch(
    noted(faults),
  );
  for (const sentence of lag) write(`Collector, ${sentence}\n`);
  for (const fault of faults) write(`${fault}\n`);
  return faults.length === 0;
}

async function conditioned(api: PersonApi, faults: string[]): Promise<readonly ConditionedObject[]> {
  const kinds = [POLICY_ASSIGNMENTS, NETWORK_POLICIES];
  const all = await Promise.all(
    kinds.map(async (resource) => {
      const items = (await readAll(api, resource).catch(noted(faults))) as readonly ConditionedObject[];
      // Items of a list lack their kind.
      return items.map((item) => ({ ...item, kind: resource.kind }));
    }),
  );
  return all.flat();
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

/** Of what cannot be read there is nothing, and a sentence. */
function noted(faults: string[]): (error: unknown) => readonly never[] {
  return (error) => {
    faults.push((error as Error).message);
    return [];
  };
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
