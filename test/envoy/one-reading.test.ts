// Whatever a client writes for a host: the one that is dialled, the one that the DNS is asked for, the one that was
// matched and the one in the row are the same, or the request is denied with one row, and nothing is asked or dialled.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { decide, decideName, type EgressRequest } from '../../operator/compile/decide.ts';
import { compileSnapshot } from '../../operator/compile/plans.ts';
import { indexTable, type TableIndex } from '../../operator/compile/table-index.ts';
import { denialOfLine } from '../../operator/denials/reading/denial-of-line.ts';
import { parseAccessLogLine } from '../../operator/model/access-log-line.ts';
import type { UnnumberedDenial } from '../../operator/model/denial.ts';
import type { Lane } from '../../operator/model/lane.ts';
import { readFolder } from '../../operator/sources/folder.ts';
import { converse } from '../attack/converse.ts';
import { generatedAuthority, generatedHost } from '../attack/generated-hosts.ts';
import { helloFor } from '../outside/client-hello.ts';
import { STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, type WrittenPort, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const RUNS = 300;
const SEED = Number(process.env['SEED'] ?? 20_260_728);
const ALL_CASES_MS = 240_000;

const PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 8080, protocol: 'HTTP' },
  { port: 22, protocol: 'TCP' },
];
const ACCESS = {
  ...allow(['exact.example.com', '*.wild.example.com'], PORTS),
  blockedInternetDestinations: ['bad.wild.example.com', '*.shut.wild.example.com'].map((destination) => ({
    destination,
  })),
};
const NAMES = [
  'exact.example.com',
  'a.wild.example.com',
  'bad.wild.example.com',
  'x.shut.wild.example.com',
  'evil.example.net',
  'metadata.google.internal',
];
const LANES = { lab: 'enforced', dry: 'dry-run' } as const satisfies Readonly<Record<string, Lane>>;
const WAYS = ['CONNECT', 'absolute', 'origin', 'http port', 'SNI'] as const;

interface Sent {
  readonly workspace: keyof typeof LANES;
  readonly way: (typeof WAYS)[number];
  readonly text: string;
}

interface Seen extends Sent {
  readonly source: string;
  readonly answer: string;
  /** Names that the DNS was asked for, and those that arrived anywhere, by Host or SNI. */
  readonly left: readonly string[];
}

let fixture: GatewayFixture;
const seen: Seen[] = [];
let rows: readonly UnnumberedDenial[] = [];
let indexes: ReadonlyMap<string, TableIndex>;
/** Reasons that are about where an allowed name led. */
const LED_NOWHERE: readonly string[] = ['UNRESOLVED_OR_PRIVATE', 'ADDRESS_DENIED'];

beforeAll(async () => {
  fixture = await startGateway({
    names: ['*.com', '*.net', '*.internal'].map((name) => ({ name })),
    services: { ...STANDARD_SERVICES, 8080: 'http' },
    files: {
      'lab.yaml': workspaceYaml('lab', ACCESS),
      'dry.yaml': workspaceYaml('dry', { ...ACCESS, ...DRY_RUN }),
    },
  });
  for (const [at, sent] of generated().entries()) seen.push(await send(sent, at));
  await fixture.stopGateway();
  rows = await rowsOfLog();
  indexes = await tablesOfFolder();
}, ALL_CASES_MS);

afterAll(() => fixture.stop());

async function tablesOfFolder(): Promise<ReadonlyMap<string, TableIndex>> {
  const { snapshot } = await readFolder(fixture.folder);
  const { plans, tables } = compileSnapshot(snapshot);
  return new Map(
    plans.flatMap(({ metadata, spec }) =>
      tables
        .filter((table) => table.metadata.name === spec.table)
        .map((table) => [metadata.name, indexTable(table.spec, 0)] as const),
    ),
  );
}

function generated(): readonly Sent[] {
  const common = { workspace: fc.constantFrom('lab' as const, 'dry' as const) };
  const byTls = fc.record({ ...common, way: fc.constant('SNI' as const), text: generatedHost(NAMES) });
  const byHttp = fc.record({
    ...common,
    way: fc.constantFrom('CONNECT' as const, 'absolute' as const, 'origin' as const, 'http port' as const),
    text: generatedAuthority(NAMES),
  });
  const all = fc.oneof({ weight: 4, arbitrary: byHttp }, { weight: 1, arbitrary: byTls });
  return fc.sample(all, { numRuns: RUNS, seed: SEED });
}

async function send(sent: Sent, at: number): Promise<Seen> {
  const { workspace, way, text } = sent;
  const source = `127.2.${Math.floor(at / 250)}.${1 + (at % 250)}`;
  const before = leftSoFar();
  const { host, port } = fixture.client(workspace).proxy;
  const offset = { SNI: 1, 'http port': 2 }[way as string] ?? 0;
  const conversation = { host, port: port + offset, localAddress: source, limitMs: 1500 };
  const answer = await converse(turnsOf(way, text), { ...conversation, answers: way === 'CONNECT' ? 2 : 1 });
  return { ...sent, source, answer, left: namesLeft(before) };
}

function turnsOf(way: Sent['way'], text: string) {
  if (way === 'SNI') return [{ afterAnswers: 0, pieces: [helloFor(text)] }];
  const hello = helloFor(/^[^:]*/.exec(text)?.[0] ?? '');
  if (way === 'CONNECT') {
    const head = `CONNECT ${text} HTTP/1.1\r\nHost: ${text}\r\n\r\n`;
    return [
      { afterAnswers: 0, pieces: [head] },
      { afterAnswers: 1, pieces: [hello] },
    ];
  }
  const target = way === 'absolute' ? `http://${text}/` : '/';
  return [{ afterAnswers: 0, pieces: [`GET ${target} HTTP/1.1\r\nHost: ${text}\r\n\r\n`] }];
}

/** What a name was asked for or came to, and how often; what the DNS was asked once, Envoy asks again by itself. */
function leftSoFar(): ReadonlyMap<string, number> {
  const asked = new Set(fixture.outside.dns.questions.map(({ name }) => `? ${name}`));
  const arrived = fixture.outside.origins.arrivals.flatMap(({ requests }) =>
    requests.map(({ host }) => `> ${host}`),
  );
  const counts = new Map([...asked].map((what) => [what, 1]));
  for (const what of arrived) counts.set(what, (counts.get(what) ?? 0) + 1);
  return counts;
}

function namesLeft(before: ReadonlyMap<string, number>): readonly string[] {
  const more = [...leftSoFar()].filter(([what, count]) => count > (before.get(what) ?? 0));
  return [...new Set(more.map(([what]) => what.slice(2)))];
}

/** By the very functions that fill the log; what a terminal is shown may leave some out. */
async function rowsOfLog(): Promise<readonly UnnumberedDenial[]> {
  const text = await readFile(join(fixture.logFolder, 'access.log'), 'utf8');
  const lines = text.split('\n').flatMap((line) => parseAccessLogLine(line) ?? []);
  const origin = { accountId: 'account', eventId: 'event' };
  return lines.flatMap(
    (line) =>
      denialOfLine(
        line,
        origin,
        () => null,
        () => true,
      ) ?? [],
  );
}

function rowsOf({ source }: Seen): readonly UnnumberedDenial[] {
  return rows.filter((row) => row.source.startsWith(`${source}:`));
}

function shown(one: Seen): string {
  const { workspace, way, text, answer, left } = one;
  const written = rowsOf(one).map(
    ({ accessType, reason, destination, port }) => `${accessType} ${reason} ${destination} ${port}`,
  );
  return `seed ${SEED}: ${workspace} ${way} ${JSON.stringify(text)}: ${answer}; left ${left.join()}; rows ${written.join('; ')}`;
}

function isDropped(one: Seen): boolean {
  return rowsOf(one).some(({ accessType }) => accessType === 'DROP');
}

/** Denied for what was asked, and not for where it led. */
function isRejected(one: Seen): boolean {
  return rowsOf(one).some(({ accessType, reason }) => accessType === 'DROP' && !LED_NOWHERE.includes(reason));
}

test('what leaves has one name only, which the policy allows or a dry-run row speaks of', () => {
  const wrong = seen.filter((one) => {
    const [name = '', ...others] = one.left;
    const isAllowed = decideName(indexOf(one), 'enforced', name).verdict === 'ALLOW';
    const isNotified = one.workspace === 'dry' && rowsOf(one).some(({ destination }) => destination === name);
    return one.left.length > 0 && (others.length > 0 || !(isAllowed || isNotified));
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('what is denied leaves one row, asks nothing and dials nothing, and no other request leaves two', () => {
  const wrong = seen.filter((one) => {
    const rowCount = rowsOf(one).length;
    return isRejected(one) ? rowCount !== 1 || one.left.length > 0 : rowCount > 1;
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('the answer and the row say the same', () => {
  const wrong = seen.filter((one) => {
    if (/^4\d\d/.test(one.answer)) return !isDropped(one);
    return /hello|banner|^200$/.test(one.answer) && isDropped(one);
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('it agrees with decide() wherever the text is a host with at most one port', () => {
  const wrong = seen.filter((one) => {
    const request = requestOf(one);
    if (request === undefined) return false;
    return isRejected(one) !== (decide(indexOf(one), LANES[one.workspace], request).verdict === 'DROP');
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('the requests are of every kind', () => {
  const kinds = seen.flatMap((one) => [`${one.workspace} ${one.way}`, `${one.workspace} ${isRejected(one)}`]);
  expect(new Set(kinds).size).toBe(2 * WAYS.length + 4);
});

function indexOf({ workspace }: Seen): TableIndex {
  const index = indexes.get(workspace);
  if (index === undefined) throw new Error(`Workspace "${workspace}" has no table`);
  return index;
}

/**
 * Undefined where Envoy may answer 400 by itself: to underscores in CONNECT, and to user information, which it strips
 * off.
 */
function requestOf({ way, text }: Seen): EgressRequest | undefined {
  const [, host, digits] = /^([a-zA-Z0-9.-]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || (way === 'CONNECT' && digits === undefined)) return undefined;
  const port = digits === undefined ? DEFAULT_PORTS[way] : portOf(digits);
  if (way !== 'SNI' && way !== 'CONNECT') return { via: 'HTTP', host, port };
  return { via: 'CONNECT', host, port, inside: { kind: 'TLS', sni: host } };
}

const DEFAULT_PORTS = { CONNECT: 443, SNI: 443, absolute: 80, origin: 80, 'http port': 80 } as const;

/** Zeros in front are no number of a port. */
function portOf(digits: string): number {
  return digits.startsWith('0') ? 0 : Number(digits);
}
