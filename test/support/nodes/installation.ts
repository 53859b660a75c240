// The product on the cluster of the end-to-end suite: installed by its chart, as a person would, and gone again.
import { join } from 'node:path';
import { apply, helm, kubectl, ROOT, tryKubectl } from './commands.ts';
import { SYSTEM } from './pods.ts';
import { CLIENTS, client, POLICIES, WORKSPACES } from './workspaces.ts';

const RELEASE = 'sallyport';
const CHART = join(ROOT, 'charts/sallyport');
const WAIT = ['--wait', '--timeout', '180s'];
/** With which a tunnel of a test need not be waited for long. */
export const DRAIN_SECONDS = 40;

function settings(values: Readonly<Record<string, unknown>>): readonly string[] {
  const usual = {
    'gateway.drainSeconds': DRAIN_SECONDS,
    'isolationProbe.intervalSeconds': 30,
    'restarts.evict': true,
    'isolationProbe.enabled': process.env['ISOLATION'] !== 'off',
    'networkPolicies.apiServer': process.env['API_SERVER_EGRESS'] ?? 'ipBlock',
  };
  const all = Object.entries({ ...usual, ...values });
  return all.flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
}

/** Resolves when everything is ready. */
export async function install(values: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const args = ['--namespace', SYSTEM, '--create-namespace', ...settings(values), ...WAIT];
  await helm(['upgrade', '--install', RELEASE, CHART, ...args]);
}

/** The name servers of the gateways that are there. */
export async function resolversInUse(): Promise<readonly string[]> {
  const args = await kubectl([
    '-n',
    SYSTEM,
    'get',
    'deploy',
    'sallyport-gateway',
    '-o',
    'jsonpath={.spec.template.spec.initContainers[0].args}',
  ]);
  const all = JSON.parse(args) as readonly string[];
  return all.filter((_, at) => all[at - 1] === '--resolver');
}

export async function rollback(): Promise<void> {
  await helm(['rollback', RELEASE, '--namespace', SYSTEM, ...WAIT]);
}

export async function uninstall(): Promise<void> {
  await helm(['uninstall', RELEASE, '--namespace', SYSTEM, ...WAIT]);
}

/** Workspaces are there when the first pod is let in. */
export async function applyWorkspaces(): Promise<void> {
  await apply(POLICIES);
  await apply(WORKSPACES);
  await apply(CLIENTS.map(client).join(''));
  for (const name of CLIENTS) {
    await kubectl(['-n', name, 'rollout', 'status', 'deploy/client', '--timeout=180s']);
  }
}

export async function removeWorkspaces(): Promise<void> {
  await tryKubectl(['delete', 'namespace', '--ignore-not-found', ...CLIENTS]);
}

/** Workspaces of one test, with their assignments, and policies; it does not wait for the end of their pods. */
export async function removeAgain(workspaces: readonly string[], policies: readonly string[]): Promise<void> {
  const kinds = { namespace: workspaces, spa: workspaces, snp: policies };
  for (const [kind, names] of Object.entries(kinds))
    await tryKubectl(['delete', kind, '--wait=false', '--ignore-not-found', ...names]);
}
