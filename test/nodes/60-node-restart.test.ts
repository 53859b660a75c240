// A node that restarts, with a gateway and workloads on it: everything comes back by itself, as closed as it was.
import { engine, kubectl } from '../support/nodes/commands.ts';
import { onePod, SYSTEM } from '../support/nodes/pods.ts';
import { arrivals, reach } from '../support/nodes/reach.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 240_000;

test('after a restart of its node a workspace reaches what its policy names, and nothing else', async () => {
  const before = (await arrivals()).length;
  const { spec, status } = await onePod('ws-a', 'app=client');
  await engine('restart', spec.nodeName ?? '');
  const asked = () =>
    reach('ws-a', {
      listed: { way: 'proxy', url: 'https://allowed.example/' },
      'not listed': { way: 'proxy', url: 'https://denied.example/' },
      straight: { way: 'tcp', address: '5.5.5.6', port: 443 },
    });
  // Until then nobody can be asked.
  await until(
    'the workspace is served again',
    async () => (await asked().catch(() => undefined))?.listed === '200',
    LIMIT_MS,
  );
  expect(await asked()).toEqual({
    listed: '200',
    'not listed': '403 DESTINATION_NOT_ALLOWED',
    straight: expect.stringMatching(/^(silence|ECONNREFUSED|EHOSTUNREACH)$/),
  });
  const addresses = [status.podIP, (await onePod('ws-a', 'app=client')).status.podIP];
  const leaks = (await arrivals()).slice(before).filter(({ peer }) => addresses.includes(peer));
  expect(leaks).toEqual([]);
  await kubectl(['-n', SYSTEM, 'rollout', 'status', 'deploy/sallyport-gateway', '--timeout=180s']);
  await kubectl(['-n', SYSTEM, 'rollout', 'status', 'deploy/sallyport-operator', '--timeout=180s']);
});
