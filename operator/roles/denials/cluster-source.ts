// Denials of the collector of a cluster.
import { selectWorkspaces } from '../../denials/query/select-denials.ts';
import { WORKSPACE_PLANS } from '../../model/cluster-resources.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { parseWorkspacePlan } from '../../model/parse-compiled.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import type { PersonConfig } from '../../person-config.ts';
import { type OpenPort, reachCollector } from '../shared/collector-of-cluster.ts';
import { readAllCompiled } from '../shared/compiled-objects.ts';
import { isWorkspace, noSuchWorkspace } from '../shared/known-workspaces.ts';
import { connectPerson, describeRight, mayI, type PersonApi, type Right } from '../shared/person-access.ts';
import type { DenialSource, Nothing } from './denial-source.ts';

/** Throws a sentence where the collector cannot be reached. */
export async function sourceOfCluster(config: PersonConfig, openPort?: OpenPort): Promise<DenialSource> {
  if (config.as !== undefined)
    throw new Error(
      'Cannot use --as with denials: the collector knows who calls by their own credentials; choose a context of that user with --context',
    );
  const api = await connectPerson(config);
  try {
    const collector = await reachCollector({ config, api, ...(openPort === undefined ? {} : { openPort }) });
    return {
      ...{ ask: collector.ask, identifiesPods: true },
      askParquet: collector.askParquet,
      backUp: collector.backUp,
      whyNothing: (workspace) => whyNothing({ api, config, ask: collector.ask }, workspace),
      rightsOn: (workspace) => rightsOn(api, workspace),
      close: async () => void (await Promise.all([collector.close(), api.close()])),
    };
  } catch (error) {
    await api.close();
    throw error;
  }
}

const ADVICE = 'ask an administrator to bind ClusterRole "sallyport-denials-viewer"';

interface AskedPlace {
  readonly api: PersonApi;
  readonly config: PersonConfig;
  readonly ask: DenialSource['ask'];
}

async function whyNothing(place: AskedPlace, workspace: string | undefined): Promise<Nothing> {
  const nothing = await rightsOn(place.api, workspace);
  if (nothing.fault !== undefined || workspace === undefined) return nothing;
  return { ...nothing, ...(await faultOfWorkspace(place, workspace)) };
}

/** Whether there is no such workspace, neither now nor in the log. */
async function faultOfWorkspace(
  { api, config: { systemNamespace: namespace }, ask }: AskedPlace,
  workspace: string,
): Promise<Nothing> {
  const logged = await ask(selectWorkspaces());
  if ('error' in logged) return { fault: logged.error };
  const known = logged.rows.map((row) => ({
    workspace: String(row['workspace']),
    workspaceId: String(row['workspace_id']),
  }));
  if (known.some(isWorkspace(workspace))) return {};
  const plans = await readAllCompiled(api, {
    ...{ resource: WORKSPACE_PLANS, namespace },
    parse: parseWorkspacePlan,
  }).catch((error: Error) => error);
  if (plans instanceof Error)
    return { note: `Whether there is a workspace "${workspace}" is not known here: ${plans.message}` };
  known.push(
    ...plans.map(({ metadata, spec }) => ({ workspace: metadata.name, workspaceId: spec.workspaceId })),
  );
  if (known.some(isWorkspace(workspace))) return {};
  const names = new Set(known.map((one) => one.workspace));
  return { fault: noSuchWorkspace(workspace, 'the cluster', [...names].toSorted()) };
}

/** Nothing is found either where there is nothing, or where nothing may be read: the collector does not tell them apart. */
async function rightsOn(api: PersonApi, workspace: string | undefined): Promise<Nothing> {
  const right = (namespace?: string): Right => {
    return { verb: 'get', group: GROUP, resource: DENIALS_RESOURCE, namespace };
  };
  if (await mayI(api, right())) return {};
  if (workspace === undefined)
    return {
      note: `Of workspaces only where you may get ${DENIALS_RESOURCE}.${GROUP}: you may not ${describeRight(right())}; for more ${ADVICE}`,
    };
  if (await mayI(api, right(workspace))) return {};
  return {
    fault: `Cannot read denials of "${workspace}": you may not ${describeRight(right(workspace))}; ${ADVICE}`,
  };
}
