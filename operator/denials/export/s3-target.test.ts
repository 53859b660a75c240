// A bucket whose server answers badly: nothing of it fills memory or the log, and whoever stops waits for nobody.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { TargetUnavailableError } from './export-target.ts';
import { type BucketTarget, s3Target } from './s3-target.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'exporter', AWS_SECRET_ACCESS_KEY: 'secret-of-exporter' } as const;
const SESSION = 'token-of-a-role';
const FILE = 'outbound_network/date=2026-01-01/denials.parquet';

beforeEach(
  () => void Object.assign(process.env, { ...KEYS, AWS_SESSION_TOKEN: SESSION, AWS_REGION: 'us-east-1' }),
);

interface Stage {
  readonly target: BucketTarget;
  readonly folder: string;
  /** A file to be written. */
  readonly from: string;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function withServer(answer: Answer, work: (stage: Stage) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const target = s3Target({ bucket: 'denials', prefix: 'c1', endpoint });
    const from = join(folder, 'day.parquet');
    await writeFile(from, 'rows');
    try {
      await work({ target, folder, from });
    } finally {
      target.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

const signal = new AbortController().signal;
const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('It did not fail')),
    (error: Error) => error,
  );
const errorBody = (code: string, message: string): string =>
  `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;

test('an error is read up to 64 KiB', async () => {
  let sent = 0;
  const part = 'A'.repeat(1024 * 1024);
  const endless: Answer = (request, response) => {
    request.resume();
    response.writeHead(403, { 'content-type': 'application/xml' });
    response.write('<Error><Code>AccessDenied</Code><Message>');
    const write = (): void => {
      if (response.destroyed || sent > 200) return void response.end();
      sent += 1;
      response.write(part, write);
    };
    write();
  };
  await withServer(endless, async ({ target, folder, from }) => {
    for (const asked of [
      target.read(FILE, join(folder, 'former'), signal),
      target.write(FILE, from, signal),
    ]) {
      const { message } = await failureOf(asked);
      expect(message).toMatch(/^Cannot (read|write) "s3:\/\/denials\/c1\/outbound_network/);
      expect(message).toContain('HTTP 403');
      expect(message.length).toBeLessThan(600);
    }
    expect(sent).toBeLessThan(30);
  });
});

test('what is said of an error is short, has no credentials of ours and nothing that a terminal obeys', () =>
  withServer(
    (request, response) => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
      response.writeHead(403, { 'content-type': 'application/xml' });
      const text = request.method === 'GET' ? `\u009b31m${headers.join(' ')}` : 'long '.repeat(1000);
      request.resume().on('end', () => response.end(errorBody('AccessDenied', text)));
    },
    async ({ target, folder, from }) => {
      const errors = [
        await failureOf(target.read(FILE, join(folder, 'former'), signal)),
        await failureOf(target.write(FILE, from, signal)),
      ];
      for (const { message, cause } of errors) {
        expect(message).toContain('AccessDenied');
        expect(message).toContain('allow s3:GetObject, s3:PutObject and s3:ListBucket there');
        expect(message).not.toMatch(/AWS4|token-of-a-role|exporter|\u009b/);
        expect(message.length).toBeLessThan(550);
        expect(cause).toBeUndefined();
      }
    },
  ));

test('an object is streamed, however long it is', () =>
  withServer(
    (_request, response) => response.end(Buffer.alloc(5_000_000, 'x')),
    async ({ target, folder }) => {
      const into = join(folder, 'former');
      expect(await target.read(FILE, into, signal)).toBe(true);
      expect((await readFile(into)).length).toBe(5_000_000);
    },
  ));

test.each([
  ['an object that is refused', 403, 'AccessDenied', false],
  ['an object in an archive', 403, 'InvalidObjectState', false],
  ['a bucket that is not there', 404, 'NoSuchBucket', true],
  ['keys that nobody knows', 403, 'InvalidAccessKeyId', true],
])('it is known of %s whether others can be read', (_what, status, code, isOfAll) =>
  withServer(
    (_request, response) => response.writeHead(status).end(errorBody(code, 'no')),
    async ({ target, folder }) => {
      const error = await failureOf(target.read(FILE, join(folder, 'former'), signal));
      expect(error instanceof TargetUnavailableError).toBe(isOfAll);
    },
  ),
);

test('a server that is away is the whole target', async () => {
  const target = s3Target({ bucket: 'denials', prefix: '', endpoint: 'http://127.0.0.1:1' });
  const error = await failureOf(target.read(FILE, '/nowhere', signal));
  expect(error).toBeInstanceOf(TargetUnavailableError);
  expect(error.message).toContain('ECONNREFUSED');
});

test.each<[string, Answer]>([
  ['does not answer', () => undefined],
  ['stops in the middle of an answer', (_request, response) => void response.writeHead(200).write('PAR1')],
  ['stops in the middle of an error', (_request, response) => void response.writeHead(500).write('<Err')],
])('whoever stops does not wait for a server that %s', (_what, answer) =>
  withServer(answer, async ({ target, folder, from }) => {
    for (const ask of [
      (stop: AbortSignal) => target.read(FILE, join(folder, 'former'), stop),
      (stop: AbortSignal) => target.write(FILE, from, stop),
    ]) {
      const startMs = performance.now();
      await failureOf(ask(AbortSignal.timeout(300)));
      expect(performance.now() - startMs).toBeLessThan(3000);
    }
  }),
);
