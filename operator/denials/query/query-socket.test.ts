import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { sampleBatch, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { serveQueries } from './query-socket.ts';

interface Place {
  readonly store: DenialStore;
  readonly socketPath: string;
  readonly secretPath: string;
}

function withLog(work: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    await store.append(sampleBatch(0, 3));
    await work({ store, socketPath: join(folder, 'query.sock'), secretPath: join(folder, 'secret') });
    await store.close();
  });
}

type Caller = Pick<Place, 'socketPath' | 'secretPath'>;

async function ask({ socketPath, secretPath }: Caller, method: string, path: string, body: string) {
  const headers = await ownHeaders(secretPath);
  return await askWith({ socketPath, method, path, headers }, body);
}

async function ownHeaders(secretPath: string) {
  return { authorization: `Bearer ${await readFile(secretPath, 'utf8')}` };
}

async function askWith(options: RequestOptions, body: string) {
  const call = request(options).end(body);
  const [response] = await once(call, 'response');
  return { status: response.statusCode, answer: JSON.parse(await text(response)) };
}

const shape = 'Cannot read the request: send {"sql": "…"} as JSON';
const other = 'Cannot answer this request: send POST /query with {"sql": "…"}';

const requests: readonly (readonly [
  method: string,
  path: string,
  body: string,
  status: number,
  answer: unknown,
])[] = [
  ['POST', '/query', '{"sql": "select 1 as a"}', 200, { columns: ['a'], rows: [{ a: 1 }], truncated: false }],
  [
    'POST',
    '/query',
    '{"sql": "from range(3)", "maxRows": 1}',
    200,
    expect.objectContaining({ truncated: true }),
  ],
  [
    'POST',
    '/query',
    '{"sql": "drop table x"}',
    400,
    { error: expect.stringContaining('only SELECT is allowed') },
  ],
  ['POST', '/query', '{"sql": 1}', 400, { error: shape }],
  ['POST', '/query', 'null', 400, { error: shape }],
  ['POST', '/query', 'select 1', 400, { error: shape }],
  [
    'POST',
    '/query',
    'x'.repeat(1_100_000),
    400,
    { error: expect.stringContaining('longer than 1048576 bytes') },
  ],
  ['POST', '/other', '{}', 404, { error: other }],
  ['GET', '/query', '', 404, { error: other }],
];

describe('serveQueries()', () => {
  test('answers requests, good and bad', () =>
    withLog(async ({ store, ...place }) => {
      const server = await serveQueries(store, place);
      for (const [method, path, body, status, answer] of requests) {
        expect(await ask(place, method, path, body)).toEqual({ status, answer });
      }
      await server.close();
    }));

  test('rejects a caller who does not know the secret, before the query is read, and says so', () =>
    withLog(async ({ store, ...place }) => {
      let strangers = 0;
      const server = await serveQueries(store, { ...place, onStranger: () => (strangers += 1) });
      expect((await stat(place.secretPath)).mode & 0o777).toBe(0o600);
      const secret = await readFile(place.secretPath, 'utf8');
      const wrong = [
        undefined,
        '',
        'Bearer ',
        `Bearer ${secret}0`,
        `Bearer ${secret.slice(1)}`,
        `Basic ${secret}`,
        secret,
        `Bearer ${'0'.repeat(64)}`,
      ];
      for (const authorization of wrong) {
        const headers = authorization === undefined ? {} : { authorization };
        // The body never comes.
        const call = request({ socketPath: place.socketPath, method: 'POST', path: '/query', headers });
        call.write('{');
        const [response] = await once(call, 'response');
        expect(response.statusCode).toBe(401);
        const what = authorization === undefined ? 'presents no secret' : 'presents another secret';
        expect(await text(response)).toContain(what);
        call.destroy();
      }
      expect(strangers).toBe(wrong.length);
      expect((await ask(place, 'POST', '/query', '{"sql": "select 1"}')).status).toBe(200);
      await server.close();
    }));

  test('keeps the secret out of a file that somebody else has put there', () =>
    withLog(async ({ store, ...place }) => {
      const elsewhere = `${place.secretPath}.elsewhere`;
      await writeFile(elsewhere, 'nothing');
      await symlink(elsewhere, place.secretPath);
      const server = await serveQueries(store, place);
      expect(await readFile(elsewhere, 'utf8')).toBe('nothing');
      expect((await ask(place, 'POST', '/query', '{"sql": "select 1"}')).status).toBe(200);
      await server.close();
    }));

  test('lets only its owner in, and leaves no socket behind', () =>
    withLog(async ({ store, ...place }) => {
      const { socketPath } = place;
      const server = await serveQueries(store, place);
      expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
      await server.close();
      await expect(stat(socketPath)).rejects.toThrow('ENOENT');
    }));

  test('frees the place of a query whose caller has gone', () =>
    withLog(async ({ store, ...place }) => {
      const { socketPath } = place;
      const server = await serveQueries(store, place);
      const sql = 'select count(*) from range(1000000) a, range(1000000) b where a.range < b.range';
      const headers = await ownHeaders(place.secretPath);
      const calls = [1, 2].map(() =>
        request({ socketPath, method: 'POST', path: '/query', headers }).on('error', () => {}),
      );
      await Promise.all(
        calls.map((call) => new Promise<void>((done) => call.end(JSON.stringify({ sql }), done))),
      );
      calls.map((call) => call.destroy());
      expect((await ask(place, 'POST', '/query', '{"sql": "select 1"}')).status).toBe(200);
      await server.close();
    }));

  test('replaces the socket of a process that was killed', () =>
    withLog(async ({ store, ...place }) => {
      const { socketPath } = place;
      const listen = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 9))`;
      spawnSync(process.execPath, ['--eval', listen, socketPath]);
      expect((await stat(socketPath)).isSocket()).toBe(true);
      const server = await serveQueries(store, place);
      expect((await ask(place, 'POST', '/query', '{"sql": "select 1"}')).status).toBe(200);
      await server.close();
    }));

  test('rejects a socket that is served, a file, and a path that is too long', () =>
    withLog(async ({ store, ...place }) => {
      const { socketPath } = place;
      const server = createServer().listen(socketPath);
      await once(server, 'listening');
      await expect(serveQueries(store, place)).rejects.toThrow('another process does already');
      server.close();
      const file = `${socketPath}.txt`;
      await writeFile(file, '');
      await expect(serveQueries(store, { ...place, socketPath: file })).rejects.toThrow(
        'another file is there; move it away',
      );
      const long = `/${'x'.repeat(107)}`;
      await expect(serveQueries(store, { ...place, socketPath: long })).rejects.toThrow(
        'the path has 108 bytes of at most 107',
      );
    }));
});
