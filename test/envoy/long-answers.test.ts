// Time: slow answers are not aborted (Envoy's own routes end after 15 s), silent clients of a TLS destination are.
// Everything runs at once; the tests only wait for their own part.
import type { AskResult } from '../outside/ask-result.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const NAME = 'slow.example.com';
/** Two lines, 8.5 s after each. */
const SLOW_PATH = '/slow/2/8500';
const SLOW_MS = 17_000;
const LONGEST_MS = 25_000;
/** Many, since Envoy's timers end a little early for some and a little late for others. */
const SILENT_CLIENTS = 30;

let fixture: GatewayFixture;
let slow: Readonly<Record<'http' | 'https', Promise<AskResult>>>;
let silent: Promise<readonly AskResult[]>;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: NAME }],
    files: { 'lab.yaml': workspaceYaml('lab', allow([NAME])) },
  });
  const client = { ...fixture.client('lab'), timeoutMs: LONGEST_MS };
  slow = {
    http: ask({ ...client, url: `http://${NAME}${SLOW_PATH}` }),
    https: ask({ ...client, url: `https://${NAME}${SLOW_PATH}` }),
  };
  const sayNothing = () => ask({ ...client, connect: `${NAME}:443`, sends: 'nothing' });
  silent = Promise.all(Array.from({ length: SILENT_CLIENTS }, sayNothing));
});

afterAll(() => fixture.stop());

test('clients that open a tunnel for TLS and say nothing are closed after 5 s: NOT_TLS', async () => {
  const results = await silent;
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['reset']));
  expect(Math.min(...results.map(({ elapsedMs }) => elapsedMs))).toBeGreaterThan(4500);
  const rows = await fixture.denialsWith({ destination: NAME }, SILENT_CLIENTS);
  expect(rows).toHaveLength(SILENT_CLIENTS);
  expect(new Set(rows.map(({ reason, sni }) => `${reason} ${sni}`))).toEqual(new Set(['NOT_TLS null']));
});

test.each(['http', 'https'] as const)('an answer that takes 17 s comes whole over %s', async (scheme) => {
  const result = await slow[scheme];
  expect(result).toMatchObject({ outcome: 'ok', status: 200, body: 'line 1 of 2\nline 2 of 2\n' });
  expect(result.elapsedMs).toBeGreaterThan(SLOW_MS - 100);
});
