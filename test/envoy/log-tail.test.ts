// The tail against a real, busy Envoy.
import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { LogBatch, LostLine } from '../../operator/gateway/log/log-batch.ts';
import { LogTail } from '../../operator/gateway/log/log-tail.ts';
import * as atomicFiles from '../../operator/lib/atomic-file.ts';
import {
  type EgressEnvoy,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  routeTable,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let egress: EgressEnvoy;
let tail: LogTail;
let port: number;
let ids: string[];
let torn: LostLine[];
let restarts: number;

beforeEach(async () => {
  fixture = await envoyFixture();
  [port = 0] = await freePorts(1);
  ids = [];
  torn = [];
  restarts = 0;
  egress = fixture.egress({ beforeStart: () => tail.rotate(), onRestart: () => void (restarts += 1) });
  tail = new LogTail({
    folder: join(fixture.directory, 'log'),
    files: atomicFiles,
    consume: ({ lines }: LogBatch) => {
      ids.push(...lines.map(({ text }) => (JSON.parse(text) as { id: string }).id));
      return Promise.resolve();
    },
    reopenLogs: () => egress.envoy.admin.reopenLogs(),
    // Far beyond the limit of until(): what arrives, arrives by inotify.
    pollMs: 600_000,
    onTornLine: (line) => void torn.push(line),
  });
  await tail.start();
  const egressListeners = [egressListener(fixture.directory, 'a', port, 'table.a')];
  await egress.apply({
    clusters: [],
    internalListeners: [],
    egressListeners,
    routeTables: [routeTable('table.a', 'a', 'x')],
  });
});

afterEach(async () => {
  await tail.close();
  await fixture.remove();
});

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function send(id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/always', agent, headers: { 'x-id': id } },
      (response) => {
        response.resume().on('end', resolve);
      },
    );
    asked.on('error', reject).end();
  });
}

async function flood(first: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const senders = Array.from({ length: 8 }, async () => {
    for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
      await send(String(number));
    }
  });
  await Promise.all(senders);
}

test('three rotations of a busy Envoy lose no line and double none', async () => {
  const total = 4_000;
  const sending = flood(0, total);
  for (const share of [0.2, 0.4, 0.6]) {
    await until(`${share} of the lines are there`, () => ids.length > total * share);
    await tail.rotate();
  }
  await sending;
  await until('all lines are there', () => ids.length >= total);
  await tail.drain();
  expect(ids.length).toBe(total);
  expect(new Set(ids).size).toBe(total);
  expect(tail.position.sequence).toBe(4);
  expect(await readdir(join(fixture.directory, 'log'))).not.toContain('access-000001.log');
  expect(torn).toEqual([]);
});

test('a line of Envoy arrives by the notice of its flush, without the slow poll', async () => {
  await send('first');
  await until('the line is there', () => ids.length === 1);
  await send('second');
  await until('the line is there', () => ids.length === 2);
  expect(ids).toEqual(['first', 'second']);
});

test('a killed Envoy and the next one write to different files', async () => {
  await send('before');
  await until('the line is there', () => ids.length === 1);
  process.kill(egress.envoy.pid ?? 0, 'SIGKILL');
  await until('Envoy runs again', () => restarts === 1);
  agent.destroy();
  await send('after');
  await until('the line is there', () => ids.length === 2);
  expect(ids).toEqual(['before', 'after']);
  expect(tail.position.sequence).toBe(2);
});
