// Tunnels and the death of our own process: those that are still allowed live on through it, those whose destination
// was removed while no gateway ran end as soon as one does.
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';
import { Scene } from './scene.ts';

const STAYS = 'stays.example.com';
const GOES = 'goes.example.com';

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open([STAYS, GOES], {
    'stays.yaml': workspaceYaml('stays', allow([STAYS])),
    'goes.yaml': workspaceYaml('goes', allow([STAYS, GOES])),
  });
});

afterEach(() => scene.remove());

async function tunnelTo(workspace: string, name: string): Promise<Tunnel> {
  const proxy = await scene.proxy(workspace, 'JOBS');
  return openTunnel({ proxy, ca: scene.outside.caPem, url: `https://${name}/` });
}

async function revokedDestinations(): Promise<readonly unknown[]> {
  const sql =
    "select destination from system.access.outbound_network where reason = 'DESTINATION_REVOKED' order by all";
  const answer = await queryDenials({ ...statePaths(scene.state()), sql });
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows.map(({ destination }) => destination);
}

test('a restart ends no tunnel that is allowed, and then those that were revoked while none ran', async () => {
  const first = await scene.running();
  const [stays, goes] = [await tunnelTo('stays', STAYS), await tunnelTo('goes', GOES)];
  await first.end('SIGKILL');
  await scene.write('goes.yaml', workspaceYaml('goes', allow([STAYS])));
  await scene.running();
  await goes.closed;
  expect((await stays.get('/')).status).toBe(200);
  await until('the closed tunnel is in the denial log', async () => (await revokedDestinations()).length > 0);
  expect(await revokedDestinations()).toEqual([GOES]);
});
