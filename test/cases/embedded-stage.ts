// A case in a folder, and the gateway of `sallyport run` with a real Envoy over it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunConfig } from '../../operator/config.ts';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { RunProcess } from '../../operator/roles/run/process.ts';
import { SILENT_VIEW } from '../../operator/roles/run/view.ts';
import type { OutsideServers } from '../outside/outside-servers.ts';
import type { CaseFolder } from './case-folder.ts';
import type { CaseRow } from './case-rows.ts';
import { DENIAL_COLUMNS, type LoggedDenial, type ProxyPlace, type Stage } from './stage.ts';

export async function startEmbeddedStage(found: CaseFolder, outside: OutsideServers): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-case-'));
  try {
    const gateway = await startGateway(found, folder, outside);
    return {
      proxyOf: (row) => proxyOf(gateway, row),
      finish: () => finish(gateway, folder),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startGateway(found: CaseFolder, folder: string, outside: OutsideServers): Promise<RunProcess> {
  await mkdir(join(folder, 'in'));
  await writeFile(join(folder, 'in/in.yaml'), found.input);
  const options = {
    state: join(folder, 'state'),
    listenAddress: outside.listenAddress,
    ports: '10000-31999',
    resolver: [outside.resolver],
    openRange: [outside.openRange],
    denyRange: [],
    maxConnections: '1000',
    apiPort: '0',
    accountId: 'cases',
    concurrency: '1',
  };
  return RunProcess.start(readRunConfig(join(folder, 'in'), options, process.env), SILENT_VIEW);
}

function proxyOf({ endpoints }: RunProcess, { workspace, product }: CaseRow): ProxyPlace | null {
  const entry = endpoints.workspaces.find((candidate) => candidate.workspace === workspace);
  const endpoint = entry?.products.find((candidate) => candidate.product === product);
  if (endpoint === undefined)
    throw new Error(`Cannot find the egress listener for ${product} of "${workspace}"`);
  if (endpoint.proxy === null) return null;
  const { hostname, port } = new URL(endpoint.proxy);
  return { host: hostname, port: Number(port) };
}

async function finish(gateway: RunProcess, folder: string): Promise<readonly LoggedDenial[]> {
  const paths = statePaths(join(folder, 'state'));
  await gateway.drained();
  await gateway.stop();
  const answer = await queryDenials({
    ...paths,
    sql: `SELECT ${DENIAL_COLUMNS.join(', ')} FROM access.outbound_network`,
  });
  await rm(folder, { recursive: true, force: true });
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows;
}
