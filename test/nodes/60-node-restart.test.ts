// A node that restarts, with a gateway and workloads on it: everything comes back by itself, as closed as it was.
import { kubectl, restartNode } from '../support/nodes/commands.ts';
import { routeToPods } from '../support/nodes/outside-routes.ts';
import { onePod, SYSTEM } from '../support/nodes/pods.ts';
import { arrivals, reach } from '../support/nodes/reach.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 240_000;
const IN_A_ROW = 5;

test('after a restart of its node a workspace reaches what its policy names, and nothing else', async () => {
  const before = (await arrivals()).length;
  const { spec, status } = await onePod('ws-a', 'app=client');
  await restartNode(spec.nodeName ?? '');
  const asked = () =>
    reach('ws-a', {
      listed: { way: 'proxy', url: 'https://allowed.example/' },
      'not listed': { way: 'proxy', url: 'https://denied.example/' },
      straight: { way: 'tcp', address: '5.5.5.6', port: 443 },
    });
  // Until then nobody can be asked, or one of the gateways cannot be reached.
  const isServed = async (): Promise<boolean> => {
    await routeToPods();
    for (let times = 0; times < IN_A_ROW; times += 1) if ((await asked()).listed !== '200') return false;
    return true;
  };
  const served = () => until('the workspace is served', () => isServed().catch(() => false), LIMIT_MS);
  await served();
  for (const name of ['gateway', 'operator'])
    await kubectl(['-n', SYSTEM, 'rollout', 'status', `deploy/sallyport-${name}`, '--timeout=180s']);
  // The last gateway is used as soon as it is ready, and the network of the other node has yet to know it.
  await served();
  expect(await asked()).toEqual({
    listed: '200',
    'not listed': '403 DESTINATION_NOT_ALLOWED',
    straight: expect.stringMatching(/^(silence|ECONNREFUSED|EHOSTUNREACH)$/),
  });
  const addresses = [status.podIP, (await onePod('ws-a', 'app=client')).status.podIP];
  const leaks = (await arrivals()).slice(before).filter(({ peer }) => addresses.includes(peer));
  expect(leaks).toEqual([]);
});
