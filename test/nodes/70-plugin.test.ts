// kubectl sallyport against a collector in a pod: a denial of a real pod is listed with its name, through a port that the
// kubelet forwards.
import { sallyport } from '../support/nodes/asked-denials.ts';
import { tryKubectl } from '../support/nodes/commands.ts';
import { until } from '../support/until.ts';

const HOST = 'not-allowed.example.com';
const DENIED = 'ws-a';

test('a denial is listed with its pod, and explained', async () => {
  const ask = ['-n', DENIED, 'exec', 'deploy/client', '--', 'curl', '-s', '-m', '5', `https://${HOST}/`];
  let pod = '';
  await until(
    'the denial is in the log',
    async () => {
      await tryKubectl(ask);
      const { stdout } = await sallyport('denials', '-n', DENIED, '-o', 'json', '--since', '10m');
      const rows = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { readonly destination: string; readonly pod: string | null });
      pod = rows.find((row) => row.destination === HOST)?.pod ?? '';
      return pod !== '';
    },
    120_000,
  );
  expect(pod).toMatch(/^client-/);
  const explained = await sallyport('explain', `pod/${pod}`, HOST, '-n', DENIED);
  expect(explained).toMatchObject({ code: 1, stdout: expect.stringContaining('DESTINATION_NOT_ALLOWED') });
  const status = await sallyport('status');
  expect(status.stdout).toMatch(/^Collector, outbound: 99 of 100 batches stored within /m);
});
