// Names of the cluster that a restricted pod may make up as it likes: those below a headless Service. Its gateway asks
// CoreDNS, which has that zone itself, so that nothing of it comes to the outside.
import { apply, kubectl } from '../support/nodes/commands.ts';
import { arrivals, reach } from '../support/nodes/reach.ts';
import { until } from '../support/until.ts';

const PEERS = 'peers.ws-a.svc.cluster.local';
const CONTROL = 'asked-outside.example';
const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: peers, namespace: ws-a }
spec: { clusterIP: None, selector: { app: client }, ports: [{ port: 80 }] }
`;

afterAll(() => kubectl(['-n', 'ws-a', 'delete', 'service', 'peers', '--ignore-not-found']));

async function byDns(namespace: string, name: string): Promise<string> {
  const { it: outcome } = await reach(namespace, { it: { way: 'dns', url: `http://${name}/` } });
  return outcome;
}

async function askedOutside(): Promise<readonly string[]> {
  return (await arrivals()).flatMap(({ name }) => (name === undefined ? [] : [name]));
}

test('a name below a headless Service that does not exist is asked of nobody outside', async () => {
  await apply(SERVICE);
  await until('the gateway and CoreDNS know the Service', async () => {
    return (await byDns('ws-a', PEERS)) === '200';
  });
  expect(await byDns('ws-a', `payload.${PEERS}`)).toBe('ENOTFOUND');
  // CoreDNS does ask the outside for other names.
  await byDns('plain', CONTROL);
  await until('a name of the outside was asked there', async () => (await askedOutside()).includes(CONTROL));
  expect((await askedOutside()).filter((name) => name.includes('peers'))).toEqual([]);
});
