// Time: slow answers are not cut (Envoy's own routes end after 15 s), silent clients of a TLS destination are.
// Everything runs at once; the tests only wait for their own part.
import { type AskResult, ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from './gateway-fixture.ts';
import { allow, workspaceYaml } from './workspace-yaml.ts';

const NAME = 'slow.example.com';
/** Two lines, 8.5 s after each. */
const SLOW_PATH = '/slow/2/8500';
const SLOW_MS = 17_000;
const LONGEST_MS = 25_000;

let fixture: GatewayFixture;
let slow: Readonly<Record<'http' | 'https', Promise<AskResult>>>;
let silent: Promise<AskResult>;

beforeAll(async () => {
  fixture = await startGateway({ names: [{ name: NAME }], files: { 'lab.yaml': workspaceYaml('lab', allow([NAME])) } });
  const client = { ...fixture.client('lab'), timeoutMs: LONGEST_MS };
  slow = {
    http: ask({ ...client, url: `http://${NAME}${SLOW_PATH}` }),
    https: ask({ ...client, url: `https://${NAME}${SLOW_PATH}` }),
  };
  silent = ask({ ...client, connect: `${NAME}:443`, sends: 'nothing' });
});

afterAll(() => fixture.stop());

test('a client that opens a tunnel for TLS and says nothing is cut off after 5 s: NOT_TLS', async () => {
  const result = await silent;
  expect(result).toMatchObject({ outcome: 'reset', proxyStatus: 200 });
  expect(result.elapsedMs).toBeGreaterThan(4500);
  const rows = await fixture.denialsWith({ destination: NAME });
  expect(rows).toMatchObject([{ accessType: 'DROP', reason: 'NOT_TLS', port: 443, sni: null }]);
});

test.each(['http', 'https'] as const)('an answer that takes 17 s comes whole over %s', async (scheme) => {
  const result = await slow[scheme];
  expect(result).toMatchObject({ outcome: 'ok', status: 200, body: 'line 1 of 2\nline 2 of 2\n' });
  expect(result.elapsedMs).toBeGreaterThan(SLOW_MS - 100);
});
