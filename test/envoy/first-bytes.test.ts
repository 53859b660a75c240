// Whatever a client says first where TLS is expected, on a port for it or in a tunnel: it reaches a server, or it is
// closed and there is exactly one row about it.
import fc from 'fast-check';
import { clientHello } from '../outside/client-hello.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const NAME = 'page.example.com';
const RUNS = 200;
const AT_ONCE = 50;
const SEED = Number(process.env['SEED'] ?? 20_261_128);
const HELLO = Buffer.from(clientHello({ names: [NAME] }), 'latin1');
const CLOSE_NOTIFY = Buffer.from('15030100020100', 'hex');

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: NAME }],
    files: { 'lab.yaml': workspaceYaml('lab', allow([NAME])) },
  });
});

afterAll(() => fixture.stop());

const record = fc
  .tuple(
    fc.constantFrom(20, 21, 22, 23, 24, 128),
    fc.constantFrom(0x0300, 0x0301, 0x0303, 0x0304),
    fc.oneof(
      fc.uint8Array({ minLength: 2, maxLength: 2, max: 3 }),
      fc.uint8Array({ minLength: 0, maxLength: 40 }),
    ),
  )
  .map(([type, version, body]) =>
    Buffer.concat([Buffer.from([type, version >> 8, version & 255, 0, body.length]), body]),
  );
const piece = fc.oneof(
  { weight: 3, arbitrary: record },
  { weight: 2, arbitrary: fc.constant(CLOSE_NOTIFY) },
  { weight: 1, arbitrary: fc.constant(HELLO) },
  { weight: 1, arbitrary: fc.nat(HELLO.length - 1).map((end) => HELLO.subarray(0, end)) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('GET ', 'PRI * HTTP/2.0\r\n', '\r\n').map((it) => Buffer.from(it)),
  },
);
const firstBytes = fc
  .array(piece, { minLength: 1, maxLength: 3 })
  .map((pieces) => Buffer.concat(pieces))
  .filter(({ length }) => length > 0);

/** The same alert alone and before anything, whatever the seed. */
const CASES = [
  CLOSE_NOTIFY,
  Buffer.concat([CLOSE_NOTIFY, HELLO]),
  ...fc.sample(firstBytes, { numRuns: RUNS, seed: SEED }),
];

test.each(['tls port', 'tunnel'] as const)(`%s, seed ${SEED}`, async (way) => {
  const sources = CASES.map((_, at) => `127.0.${way === 'tunnel' ? 30 : 20}.${at + 1}`);
  const place = way === 'tunnel' ? fixture.client('lab') : fixture.direct('lab', 443);
  const outcomes: string[] = [];
  for (let from = 0; from < CASES.length; from += AT_ONCE) {
    const some = CASES.slice(from, from + AT_ONCE).map((bytes, at) =>
      ask({
        ...place,
        connect: `${NAME}:443`,
        sends: 'bytes',
        bytes,
        localAddress: sources[from + at] ?? '',
        timeoutMs: 9000,
      }),
    );
    outcomes.push(...(await Promise.all(some)).map(({ outcome }) => outcome));
  }
  await ask({ ...fixture.client('lab'), url: `https://after-${way.replace(' ', '-')}.example.net/` });
  await fixture.denialsWith({ destination: `after-${way.replace(' ', '-')}.example.net` });
  const found = CASES.map((bytes, at) => {
    const rows = fixture.denials.filter(({ source }) => source.startsWith(`${sources[at]}:`)).length;
    return `${bytes.toString('hex')} ${outcomes[at]} ${rows}`;
  });
  expect(found.filter((line) => !/ (reset 1|ok 0)$/.test(line))).toEqual([]);
  expect(found.filter((line) => line.endsWith(' reset 1')).length).toBeGreaterThan(CASES.length / 2);
});
