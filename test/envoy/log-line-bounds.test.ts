// No client says how long a line of the log is: whatever it asks for, and by whichever way in, the line stays short and
// is one row, which says where the text was truncated. The texts are generated; a failure prints the seed.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import fc from 'fast-check';
import { TRUNCATION_MARK } from '../../operator/model/access-log-line.ts';
import { LONGEST_AUTHORITY_BYTES } from '../../operator/model/limits.ts';
import { ByteReader } from '../outside/byte-reader.ts';
import { helloFor } from '../outside/client-hello.ts';
import { askDns, sendUdp } from '../outside/dns-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

/** Names of workspaces and policies count too; what a client adds must not be felt. */
const LONGEST_LINE = 2000;
const HEAD_BYTES = 29_000;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const CASES = 120;

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [],
    files: {
      'strict.yaml': workspaceYaml('strict', allow(['page.example.com'])),
      'trial.yaml': workspaceYaml('trial', { ...allow(['page.example.com']), ...DRY_RUN }),
    },
  });
});

afterAll(() => fixture.stop());

const HEADS = {
  host: (text: string) => `GET / HTTP/1.1\r\nHost: ${text}\r\n\r\n`,
  absolute: (text: string) => `GET http://${text}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  connect: (text: string) => `CONNECT ${text}:443 HTTP/1.1\r\nHost: a\r\n\r\n`,
  method: (text: string) => `${text} / HTTP/1.1\r\nHost: denied.example.net\r\n\r\n`,
} as const;

/** Letters, what JSON writes in two characters or six, and bytes that are no UTF-8. */
const UNITS = ['a', '"', '\\', 'a.', '\u007f', '\xff', '\xc3\xa4', '%', '|', ':'];
const TEXT = fc
  .tuple(
    fc.array(fc.constantFrom(...UNITS), { minLength: 1, maxLength: 8 }),
    fc.integer({ min: 1, max: HEAD_BYTES }),
  )
  .map(([units, length]) => units.join('').repeat(length).slice(0, length));
const ASKED = fc.record({
  way: fc.constantFrom(...(Object.keys(HEADS) as (keyof typeof HEADS)[])),
  workspace: fc.constantFrom('strict', 'trial'),
  text: TEXT,
});

test(`${CASES} requests of up to ${HEAD_BYTES} bytes leave short lines (seed ${SEED})`, async () => {
  const cases = fc.sample(ASKED, { seed: SEED, numRuns: CASES });
  for (const [at, { way, workspace, text }] of cases.entries()) {
    await answerTo(HEADS[way](text), workspace, sourceOf(at));
  }
  const sources = cases.map((_, at) => sourceOf(at));
  await fixture.logLines(
    ({ context }) => sources.some((source) => context.source.startsWith(`${source}:`)),
    CASES,
  );
  const lines = await linesOf('access.log');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(LONGEST_LINE);
  const withoutRow = sources.filter(
    (source) => !fixture.denials.some((row) => row.source.startsWith(`${source}:`)),
  );
  expect(withoutRow.map((source) => cases[sources.indexOf(source)])).toEqual([]);
});

test('a host of 29 kB is one row, which shows its beginning and that it was truncated', async () => {
  const text = 'x'.repeat(HEAD_BYTES);
  const answer = await answerTo(HEADS.host(text), 'strict', '127.0.3.1');
  expect(answer).toContain('403');
  expect(answer.length).toBeLessThan(LONGEST_LINE);
  const [row, ...more] = await fixture.denialsWith({
    destination: text.slice(0, LONGEST_AUTHORITY_BYTES) + TRUNCATION_MARK,
  });
  expect(row).toMatchObject({ reason: 'BAD_NAME', workspace: 'strict' });
  expect(more).toEqual([]);
});

test('the longest authority that can name anything is shown whole', async () => {
  const labels = [63, 63, 63, 61].map((length) => 'n'.repeat(length)).join('.');
  await answerTo(`CONNECT ${labels}:65535 HTTP/1.1\r\nHost: a\r\n\r\n`, 'strict', '127.0.3.2');
  const rows = await fixture.denialsWith({ destination: labels });
  expect(rows).toMatchObject([{ port: 65_535, reason: 'DESTINATION_NOT_ALLOWED' }]);
});

test('server names of every length leave short lines', async () => {
  for (const [at, length] of [1, 253, 254, 255, 256, 300, 16_000].entries()) {
    const { address } = fixture.direct('strict', 443);
    await exchange(address, helloFor('"\xff'.repeat(length).slice(0, length)), `127.0.4.${at + 1}`);
  }
  const lines = await linesOf('access.log');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(LONGEST_LINE);
});

test('a DNS name of bytes that nobody can print leaves a short line, and says that it was truncated', async () => {
  const server = nameServerOf('strict');
  const labels = [63, 63, 63, 61].map((length) => Buffer.from([length, ...Buffer.alloc(length, 0x5c)]));
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  await sendUdp(server, Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]));
  await askDns({ server, name: 'denied.example.net' });
  await fixture.denialsWith({ destination: 'denied.example.net' });
  const lines = await linesOf('dns.log');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(LONGEST_LINE);
  expect(fixture.denials.filter(({ destination }) => destination.endsWith(TRUNCATION_MARK))).not.toEqual([]);
});

/** What is said at once; a tunnel that opens is left again. */
async function answerTo(head: string, workspace: string, localAddress: string): Promise<string> {
  return exchange(fixture.client(workspace).proxy, head, localAddress);
}

/** Until the other side has said something or gone. */
async function exchange(
  place: { readonly host: string; readonly port: number },
  bytes: string,
  from: string,
) {
  const socket = connect({ ...place, localAddress: from });
  const reader = new ByteReader(socket);
  socket.write(bytes, 'latin1');
  const answer = await reader.readSome().catch(() => Buffer.alloc(0));
  socket.destroy();
  return answer.toString('latin1');
}

function sourceOf(at: number): string {
  return `127.0.2.${at + 1}`;
}

function nameServerOf(workspace: string): string {
  const endpoints = fixture.gateway.endpoints.workspaces.find((one) => one.workspace === workspace);
  return endpoints?.products.find(({ product }) => product === 'JOBS')?.dns ?? '';
}

/** All lines so far, whoever wrote them. */
async function linesOf(name: string): Promise<readonly string[]> {
  await fixture.gateway.drained();
  const text = await readFile(`${fixture.logFolder}/${name}`, 'utf8');
  return text.split('\n').filter((line) => line !== '');
}
