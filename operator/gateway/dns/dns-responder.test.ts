import { queryBytes, readReply } from '../../../test/outside/dns-client.ts';
import { indexTable } from '../../compile/table-index.ts';
import { parseAccessLogLine } from '../../model/access-log-line.ts';
import type { ClusterService } from '../../model/cluster-service.ts';
import type { Lane } from '../../model/lane.ts';
import type { DnsLane } from './dns-lanes.ts';
import { type DnsClient, DnsResponder } from './dns-responder.ts';
import { addressBody } from './dns-response.ts';

const CLIENT: DnsClient = { transport: 'UDP', address: '10.1.2.3', port: 5353 };

const SERVICE = 'web.lab.svc.cluster.local';

let nowMs: number;
let lines: string[];
let responder: DnsResponder;
let service: ClusterService | 'unknown';
let forwarded: string[];

beforeEach(() => {
  nowMs = Date.parse('2026-11-27T00:00:00Z');
  lines = [];
  service = { kind: 'addressed', addresses: ['10.96.0.9'], ports: [] };
  forwarded = [];
  responder = new DnsResponder({
    clusterNames: { domain: 'cluster.local', findService: () => service },
    forwarder: {
      ask: (to, { name }) => {
        forwarded.push(`${to} ${name}`);
        return Promise.resolve(addressBody(['192.0.2.9'], 4));
      },
    },
    questionsPerSecond: 5,
    record: (line) => void lines.push(line),
    nowMs: () => nowMs,
  });
});

function laneOf(lane: Exclude<Lane, 'full'>, denyReason?: 'POLICY_UNREADABLE'): DnsLane {
  const table = { networkPolicyId: 'acme', revision: 'r7', groups: [] };
  return {
    egressListener: {
      name: `lab.${lane}`,
      workspace: 'lab',
      workspaceId: 'id-lab',
      lane,
      networkPolicyId: 'acme',
      table: 'acme-1',
      address: '0.0.0.0',
      port: 10_000,
      tlsPorts: [],
    },
    port: 10_003,
    addresses: ['192.0.2.1'],
    index: indexTable(denyReason === undefined ? table : { ...table, denyReason }, 0),
  };
}

const ENFORCED = laneOf('enforced');

async function ask(
  name: string,
  lane = ENFORCED,
  more: Partial<DnsClient> = {},
  type = 'A',
): Promise<string> {
  const response = await responder.respond(queryBytes({ name, type }), { ...CLIENT, ...more }, lane);
  const { rcode, data } = readReply(response ?? Buffer.alloc(12));
  return [rcode, ...data].join(' ');
}

test('respond() writes a line with all fields of a denied question', async () => {
  expect(await ask('denied.example.com', ENFORCED, { address: 'fd00::3' }, 'AAAA')).toBe('3');
  expect(lines.map(parseAccessLogLine)).toMatchObject([
    {
      listener: 'dns',
      time: '2026-11-27T00:00:00.000Z',
      type: 'AAAA',
      decision: 'drop:DESTINATION_NOT_ALLOWED',
      rcode: 3,
      context: {
        workspace: 'lab',
        workspaceId: 'id-lab',
        product: '',
        lane: 'enforced',
        policy: 'acme',
        table: 'acme-1',
        revision: 'r7',
        source: '[fd00::3]:5353',
        authority: 'denied.example.com',
      },
    },
  ]);
});

test('respond() folds what one client asks about one name into one line, for five seconds', async () => {
  await ask('denied.example.com');
  await ask('DENIED.example.com', ENFORCED, { port: 5354 }, 'AAAA');
  await ask('denied.example.com', ENFORCED, { address: '10.1.2.4' });
  expect(lines).toHaveLength(2);
  nowMs += 5000;
  await ask('denied.example.com');
  expect(lines).toHaveLength(3);
  expect(responder.counts.folded).toBe(1);
});

test('respond() gives the reason of a table that denies all', async () => {
  await ask('example.com', laneOf('enforced', 'POLICY_UNREADABLE'));
  expect(lines.map((line) => parseAccessLogLine(line)?.decision)).toEqual(['drop:POLICY_UNREADABLE']);
});

test('respond() writes the line of a dry-run when it knows what the client gets', async () => {
  expect(await ask('other.example.com', laneOf('dry-run'))).toBe('0 192.0.2.9');
  expect(lines.map(parseAccessLogLine)).toMatchObject([
    { decision: 'dry-run:DESTINATION_NOT_ALLOWED', rcode: 0 },
  ]);
});

test('respond() gives the addresses of a Service in every lane, and asks and writes nothing', async () => {
  expect(await ask(SERVICE)).toBe('0 10.96.0.9');
  expect(await ask(SERVICE, laneOf('sealed-dry-run'))).toBe('0 10.96.0.9');
  expect([lines, forwarded]).toEqual([[], []]);
});

test('respond() asks the cluster for endpoints of a headless Service, without a line', async () => {
  service = { kind: 'headless', ports: [] };
  expect(await ask(SERVICE)).toBe('0 192.0.2.9');
  expect([lines, forwarded]).toEqual([[], [`endpoints ${SERVICE}`]]);
});

test('respond() denies a Service that stands for a name outside, and only records it in dry-run', async () => {
  service = { kind: 'alias' };
  expect([await ask(SERVICE), forwarded]).toEqual(['3', []]);
  expect(await ask(SERVICE, laneOf('dry-run'))).toBe('0 192.0.2.9');
  expect(forwarded).toEqual([`cluster ${SERVICE}`]);
  expect(lines.map(parseAccessLogLine)).toMatchObject([
    { decision: 'drop:DESTINATION_NOT_ALLOWED', rcode: 3, context: { authority: SERVICE } },
    { decision: 'dry-run:DESTINATION_NOT_ALLOWED', rcode: 0, context: { authority: SERVICE } },
  ]);
});

test('respond() answers SERVFAIL for names of Services that are not known yet, and asks and writes nothing', async () => {
  service = 'unknown';
  expect(await ask(SERVICE)).toBe('2');
  expect(await ask(SERVICE, laneOf('dry-run'))).toBe('2');
  expect([lines, forwarded]).toEqual([[], []]);
  expect(responder.counts.questions).toMatchObject({ unknown: 2, noName: 0, forwarded: 0 });
});

test('respond() denies a source that asks too often, and counts each question in one line', async () => {
  const answers: string[] = [];
  for (let count = 0; count < 14; count++) answers.push(await ask('localhost'));
  expect(answers.slice(0, 10)).toEqual(Array(10).fill('0 127.0.0.1'));
  expect(answers.slice(10)).toEqual(Array(4).fill('5'));
  responder.flush();
  const said = { decision: 'drop:TOO_MANY_QUESTIONS', rcode: 5 };
  expect(lines.map(parseAccessLogLine)).toMatchObject([{ ...said, repeats: 4 }]);
  expect(await ask('localhost', ENFORCED, { address: '10.1.2.4' })).toBe('0 127.0.0.1');
  expect(await ask('localhost', laneOf('dry-run'))).toBe('0 127.0.0.1');
  expect(responder.counts.questions).toMatchObject({ address: 12, tooMany: 4 });
  await ask('other.example.com');
  responder.flush();
  expect(lines.map(parseAccessLogLine)).toMatchObject([{ repeats: 4 }, { ...said, repeats: 1 }]);
});

test('respond() has no answer for what is no query, and counts it', () => {
  expect(responder.respond(Buffer.of(1, 2), CLIENT, ENFORCED)).toBeUndefined();
  expect(responder.counts.questions.malformed).toBe(1);
});
