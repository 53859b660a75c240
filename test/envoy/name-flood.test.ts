// A workspace that asks for names without end, all of them under its allowed wildcard, fills the address cache of its
// own table and of no other: another workspace opens names that nobody asked for before, at once. What is denied has a
// row.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AskResult } from '../outside/ask-result.ts';
import { ByteReader } from '../outside/byte-reader.ts';
import { formatRequestHead, readResponse } from '../outside/http-exchange.ts';
import { ask } from '../outside/proxy-client.ts';
import { type Client, type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const REASON = 'TOO_MANY_NAMES';
const AT_ONCE = 20;
/** More than Envoy's own limit of names that are asked for, 1,024. */
const SILENT_NAMES = 1100;

let fixture: GatewayFixture;

beforeEach(async () => {
  fixture = await startGateway({
    names: [
      // Nobody listens there, so that a request costs no more than the name.
      { name: '*.wide.example.com', services: {} },
      { name: '*.silent.wide.example.com', services: {}, isSilent: true },
      { name: 'known.wide.example.com' },
      { name: '*.page.example.com' },
    ],
    files: {
      'greedy.yaml': workspaceYaml('greedy', allow(['*.wide.example.com'])),
      'modest.yaml': workspaceYaml('modest', allow(['*.page.example.com'])),
    },
  });
});

afterEach(() => fixture.stop());

const KNOWN = 'https://known.wide.example.com/';

async function expectModestIsServed(): Promise<void> {
  const modest = fixture.client('modest');
  const results = await Promise.all([
    ask({ ...modest, url: 'https://first.page.example.com/' }),
    ask({ ...modest, url: 'http://second.page.example.com/' }),
    ask({ ...fixture.direct('modest', 443), url: 'https://third.page.example.com/' }),
  ]);
  expect(results).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }, { outcome: 'ok' }]);
}

async function questionsOf(workspace: string): Promise<number> {
  const counters = await fixture.counters(`dns_cache\\.${workspace}-policy-.*dns_query_attempt`);
  return [...counters.values()].reduce((sum, count) => sum + count, 0);
}

/** Requests for one new name after the other, until one is denied for being one too many; resolves with that name. */
async function askUntilDenied({ proxy }: Client, nextName: () => string): Promise<string> {
  const socket = connect(proxy);
  await once(socket, 'connect');
  const reader = new ByteReader(socket);
  for (;;) {
    const host = nextName();
    const head = { method: 'GET', target: `http://${host}/`, version: '1.1', headers: { host } } as const;
    socket.write(formatRequestHead(head));
    const { status, headers } = await readResponse(reader, 'GET');
    if (status !== 503) throw new Error(`"${host}" was answered with ${status}`);
    if (headers['x-sallyport-reason'] !== REASON) continue;
    socket.destroy();
    return host;
  }
}

test('a full cache denies new names of its own table only, each with a row, and none that it knows', async () => {
  const greedy = fixture.client('greedy');
  expect(await ask({ ...greedy, url: KNOWN })).toMatchObject({ outcome: 'ok' });
  let count = 0;
  const nextName = (): string => `n${count++}.wide.example.com`;
  const flooding = Array.from({ length: AT_ONCE }, () => askUntilDenied(greedy, nextName));
  const denied = await Promise.all(flooding);

  await expectModestIsServed();
  expect(await ask({ ...greedy, url: KNOWN })).toMatchObject({ outcome: 'ok' });
  const tooMany = await Promise.all([
    ask({ ...greedy, url: 'https://tunnel.wide.example.com/' }),
    ask({ ...fixture.direct('greedy', 443), url: 'https://direct.wide.example.com/' }),
  ]);
  expect(tooMany).toMatchObject([{ outcome: 'reset' }, { outcome: 'reset' }]);
  await fixture.stopGateway();
  const rows = fixture.denials.filter(({ reason }) => reason === REASON);
  expect(rows.map(({ destination }) => destination).toSorted()).toEqual(
    [...denied, 'tunnel.wide.example.com', 'direct.wide.example.com'].toSorted(),
  );
  expect(rows).toEqual(rows.map(() => expect.objectContaining({ accessType: 'DROP', workspace: 'greedy' })));
});

test(`${SILENT_NAMES} names without any answer make nobody else wait`, async () => {
  const greedy = fixture.client('greedy');
  expect(await ask({ ...greedy, url: KNOWN })).toMatchObject({ outcome: 'ok' });
  // A port is given more of its workspace's connections once it uses what it has.
  const askOne = async (at: number): Promise<AskResult> => {
    const result = await ask({ ...greedy, url: `http://n${at}.silent.wide.example.com/` });
    return result.outcome === 'reset' ? await askOne(at) : result;
  };
  const waiting = Array.from({ length: SILENT_NAMES }, (_, at) => askOne(at));
  await until('Envoy asks for all of them', async () => (await questionsOf('greedy')) > SILENT_NAMES);
  await expectModestIsServed();
  expect(await ask({ ...greedy, url: KNOWN })).toMatchObject({ outcome: 'ok' });
  const answers = await Promise.all(waiting);
  expect(answers.filter(({ proxyStatus }) => proxyStatus !== 503)).toEqual([]);
});
