// The chart under load: an upgrade that replaces everything, a rollback, and an uninstall that leaves nothing of ours but
// what the values say.
import { kubectl, tryKubectl } from '../support/nodes/commands.ts';
import {
  install,
  removeWorkspaces,
  resolversInUse,
  rollback,
  uninstall,
} from '../support/nodes/installation.ts';
import { failures, describe as inWords, type LoadReport, underLoad } from '../support/nodes/load.ts';
import { until } from '../support/until.ts';

const LONG = { seconds: 75, heldSeconds: 20 };

/** Its grace period, and what the kubelet takes. */
const DRAIN_MS = 360_000;

function expectNothingLost(name: string, report: LoadReport): void {
  process.stderr.write(`${name}: ${inWords(report)}\n`);
  const total = report.ok + failures(report);
  expect(failures(report)).toBeLessThanOrEqual(Math.ceil(total / 1000));
}

test('an upgrade and a rollback lose no connection', async () => {
  const changed = {
    'gateway.podAnnotations': { changed: 'yes' },
    'operator.podAnnotations': { changed: 'yes' },
  };
  const resolvers = { 'gateway.resolvers': await resolversInUse() };
  expectNothingLost('upgraded', await underLoad(LONG, () => install({ ...resolvers, ...changed })));
  expectNothingLost('rolled back', await underLoad(LONG, () => rollback()));
});

test('an uninstall leaves the CRDs, as the values say, and nothing else of ours', async () => {
  await removeWorkspaces();
  await uninstall();
  const kinds =
    'all,clusterrole,clusterrolebinding,mutatingadmissionpolicy,mutatingadmissionpolicybinding,validatingadmissionpolicy,validatingadmissionpolicybinding,networkpolicy.networking.k8s.io,role,rolebinding,lease,ingress,endpointslice,priorityclass';
  // The nodes have our name, too.
  const ofNodes = /sallyport-(control-plane|worker)/;
  const left = async (): Promise<readonly string[]> => {
    const names = await kubectl(['get', kinds, '-A', '-o', 'name', '--ignore-not-found']);
    return names.split('\n').filter((name) => name.includes('sallyport') && !ofNodes.test(name));
  };
  // A gateway of before may still be draining, for connections whose clients have vanished without a word.
  const others = (await left()).filter((name) => !name.startsWith('pod/sallyport-gateway-'));
  expect(others).toEqual([]);
  await until('no gateway drains any more', async () => (await left()).length === 0, DRAIN_MS);
  const crds = await kubectl(['get', 'crd', '-o', 'name']);
  expect(crds).toContain('networkpolicies.sallyport.dev');
  // Nobody governs new pods any more.
  const pod = await tryKubectl([
    'run',
    'after',
    '--image=none',
    '--restart=Never',
    '--dry-run=server',
    '-n',
    'default',
  ]);
  expect(pod.code).toBe(0);
});
