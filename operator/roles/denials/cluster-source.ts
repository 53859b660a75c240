// Denials of the collector of a cluster.
import { GROUP } from '../../model/kubernetes-object.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import type { PersonConfig } from '../../person-config.ts';
import { type OpenPort, reachCollector } from '../shared/collector-of-cluster.ts';
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
      ask: collector.ask,
      askParquet: collector.askParquet,
      backUp: collector.backUp,
      whyNothing: (workspace) => rightsOn(api, workspace),
      close: async () => void (await Promise.all([collector.close(), api.close()])),
    };
  } catch (error) {
    await api.close();
    throw error;
  }
}

const ADVICE = 'ask an administrator to bind ClusterRole "sallyport-denials-viewer"';

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
