// Changes of the folder take effect in the running Envoy: no restart, and no connection that has nothing to do with the
// change is closed. Envoy closes the connections of a listener that it replaces, some seconds later; so its counters
// are read too.
import { mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import type { TunnelMemory } from '../../operator/render/envoy/tunnel-memory.ts';
import type { AskResult } from '../outside/ask-result.ts';
import { ask, openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const STAYS = 'stays.example.com';
const COMES = 'comes.example.com';
const REPLACED = '^listener_manager\\.listener_(modified|in_place_updated|removed)$';

let fixture: GatewayFixture;
let pid: number | undefined;
let tunnel: Tunnel;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: STAYS }, { name: COMES }],
    files: {
      'lab.yaml': workspaceYaml('lab', allow([STAYS])),
      'old.yaml': workspaceYaml('old', allow([STAYS])),
    },
  });
  pid = fixture.gateway.envoyPid;
  tunnel = await openTunnel({ ...fixture.client('lab'), url: `https://${STAYS}/` });
});

afterEach(async () => {
  expect((await tunnel.get('/')).status).toBe(200);
  expect(fixture.gateway.envoyPid).toBe(pid);
});

afterAll(() => fixture.stop());

function edit(file: string, text: string): Promise<void> {
  return writeFile(join(fixture.folder, file), text);
}

function asking(workspace: string, name: string): Promise<AskResult> {
  return ask({ ...fixture.client(workspace), url: `https://${name}/` });
}

/** The folder's notification is all that the gateway gets. */
async function untilAsking(workspace: string, name: string, outcome: AskResult['outcome']): Promise<void> {
  await until(
    `${workspace} asks ${name}: ${outcome}`,
    async () => (await asking(workspace, name)).outcome === outcome,
  );
}

async function replacedListeners(): Promise<number> {
  const counters = await fixture.counters(REPLACED);
  return [...counters.values()].reduce((sum, count) => sum + count, 0);
}

/** Tunnel checks that may have tunnels to names which were removed. */
async function revoked(): Promise<number> {
  const text = await readFile(statePaths(join(fixture.folder, '../state')).tunnels, 'utf8');
  return Object.keys((JSON.parse(text) as TunnelMemory).revoked).length;
}

// Each test goes on from what the one before left.
describe('a folder that changes, one story, in this order', () => {
  test('a destination that is added is allowed, and one that is removed is denied', async () => {
    const before = await replacedListeners();
    expect(await asking('lab', COMES)).toMatchObject({
      outcome: 'refused',
      reason: 'DESTINATION_NOT_ALLOWED',
    });
    await edit('lab.yaml', workspaceYaml('lab', allow([STAYS, COMES])));
    await untilAsking('lab', COMES, 'ok');
    await edit('lab.yaml', workspaceYaml('lab', allow([STAYS])));
    await untilAsking('lab', COMES, 'refused');
    expect(await replacedListeners()).toBe(before);
    // A tunnel that its client has closed may be there a moment longer, and is ended with its tunnel check.
    await until('it is known who had a tunnel to what was removed', async () => (await revoked()) === 0);
  });

  test('a row names the revision that decided', async () => {
    await asking('lab', 'before.example.net');
    await edit('lab.yaml', workspaceYaml('lab', allow([STAYS, 'another.example.com'])));
    await fixture.gateway.refresh();
    await asking('lab', 'after.example.net');
    const [before] = await fixture.denialsWith({ destination: 'before.example.net' });
    const [after] = await fixture.denialsWith({ destination: 'after.example.net' });
    expect([before?.revision, after?.revision]).toEqual([
      expect.stringMatching(/^\w+$/),
      expect.stringMatching(/^\w+$/),
    ]);
    expect(after?.revision).not.toBe(before?.revision);
  });

  test('a new workspace gets its egress listeners, and others keep theirs', async () => {
    const before = await replacedListeners();
    await edit('new.yaml', workspaceYaml('new', allow([COMES])));
    await until('the new workspace is there', () => fixture.gateway.endpoints.workspaces.length === 3);
    await untilAsking('new', COMES, 'ok');
    expect(await asking('new', STAYS)).toMatchObject({ outcome: 'refused' });
    expect(await replacedListeners()).toBe(before);
  });

  test('a removed workspace loses its egress listeners', async () => {
    const { proxy } = fixture.client('old');
    await rm(join(fixture.folder, 'old.yaml'));
    const left = () => fixture.gateway.endpoints.workspaces.map(({ workspace }) => workspace);
    await until('the old workspace is gone', () => !left().includes('old'));
    await until(
      'nobody listens there',
      async () => (await ask({ proxy, url: `https://${STAYS}/` })).outcome === 'failed',
    );
    expect(await asking('lab', STAYS)).toMatchObject({ outcome: 'ok' });
  });

  test.each([
    ['is no YAML', 'kind: [NetworkPolicy'],
    ['allows "*"', workspaceYaml('lab', allow([STAYS, '*']))],
    ['has an unknown field', workspaceYaml('lab', { ...allow([STAYS]), allowEverything: true })],
  ])('an edit that %s keeps the last good configuration, and is a problem', async (_what, text) => {
    await edit('lab.yaml', text);
    await until('the problem is reported', () => fixture.problems.length > 0);
    await fixture.gateway.settled();
    expect(fixture.problems).toMatchObject([{ file: 'lab.yaml' }]);
    expect(await asking('lab', STAYS)).toMatchObject({ outcome: 'ok' });
    expect(await asking('lab', COMES)).toMatchObject({ outcome: 'refused' });
    await edit('lab.yaml', workspaceYaml('lab', allow([STAYS])));
    await until('the problem is solved', () => fixture.problems.length === 0);
  });

  test('a table of addresses that cannot be written is told, and no longer once it is written', async () => {
    const path = join(dirname(fixture.folder), 'state/endpoints.json');
    await rename(path, `${path}.kept`);
    await mkdir(path);
    await edit('other.yaml', workspaceYaml('other', allow([STAYS])));
    await until('it is told', () => fixture.heldBack.some((sentence) => sentence.includes(path)));
    await rmdir(path);
    await until('it is written', async () =>
      (await readFile(path, 'utf8').catch(() => '')).includes('"other"'),
    );
    await until('nothing is told', () => fixture.heldBack.length === 0);
  });
});
