// Many questions at once, and large ones: nobody is kept from an answer by what somebody else asks, and memory is bounded.
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { sampleBatch, sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';
import { until } from '../../../test/support/until.ts';
import type { Authenticate } from './caller.ts';
import type { ReadableWorkspaces } from './readable-workspaces.ts';

const ENDLESS =
  'with recursive t(n) as (select 1 union all select n + 1 from t) select count(*)::int as n from t';
const COUNT = 'select count(*)::int as n from access.outbound_network';
const TIME_LIMIT_MS = 5000;

async function fill({ store }: CollectorStage): Promise<void> {
  const denials = [0, 1].map((line) => sampleDenial(line, line === 0 ? {} : { workspace: 'team-b' }));
  await store.append({ ...sampleBatch(0, 2), denials });
}

async function ask(stage: CollectorStage, user: string, sql: string) {
  const body = gzipSync(JSON.stringify({ sql }));
  const connection = stage.connect(`person~${user}`);
  const answer = await connection.ask({ method: 'POST', path: '/v1/query', body });
  return { status: answer.status, text: answer.text };
}

/** The head of a request, and no more of its body than that. */
function begin(stage: CollectorStage, head: readonly string[], body = ''): TLSSocket {
  const socket = connectTls({ host: '127.0.0.1', port: stage.server.port, rejectUnauthorized: false });
  socket.write([...head, 'host: collector.test', '', body].join('\r\n'));
  return socket.on('error', () => undefined);
}

async function firstBytes(socket: TLSSocket): Promise<string> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString();
}

const headOf = (token: string, length: number, path = '/v1/query') => [
  `POST ${path} HTTP/1.1`,
  `authorization: Bearer ${token}`,
  `content-length: ${length}`,
];

test('one query of somebody who asks for many is all that others wait for', () =>
  withCollector(
    async (stage) => {
      await fill(stage);
      const ended: string[] = [];
      for (let count = 0; count < 8; count += 1)
        ask(stage, 'team-a', ENDLESS).then(
          () => ended.push('team-a'),
          () => undefined,
        );
      await until('the first query is under way', () => stage.isolated.pids.running.length > 0);
      const { status, text } = await ask(stage, 'team-b', COUNT);
      ended.push('team-b');
      expect({ status, answer: JSON.parse(text) }).toMatchObject({
        status: 200,
        answer: { rows: [{ n: 1 }] },
      });
      expect(ended.indexOf('team-b')).toBeLessThanOrEqual(1);
    },
    { timeLimitMs: TIME_LIMIT_MS },
  ));

test.each([
  ['somebody else', 'team-b', 'team-a'],
  ['somebody else of those who may read all', 'admin', 'other-admin'],
])('a query that takes long is ended where %s waits, and says so', (_who, waiting, endless) =>
  withCollector(
    async (stage) => {
      await fill(stage);
      const long = ask(stage, endless, ENDLESS);
      // Alone, it goes on.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect((await ask(stage, waiting, COUNT)).status).toBe(200);
      const { status, text } = await long;
      expect({ status, text }).toEqual({ status: 400, text: expect.stringContaining('for others who wait') });
    },
    {
      shareMs: 500,
      readable: async ({ user }) => (user.endsWith('admin') ? 'all' : [user]),
    },
  ),
);

/** "x~team-a": a ServiceAccount of Namespace "team-a"; "admin" and "person~ada": users. */
const authenticate: Authenticate = async ({ token = '' }) => {
  const [name, namespace = name] = token.split('~');
  const isUser = namespace === name || name === 'person';
  const user = isUser ? namespace : `system:serviceaccount:${namespace}:${name}`;
  return { kind: 'person', user: user ?? '', groups: [] };
};

test('who asks for too much at once is told so, and may ask again when others of theirs are answered or gone', () =>
  withCollector(
    async (stage) => {
      await fill(stage);
      const waiting = Array.from({ length: 8 }, (_, at) => begin(stage, headOf(`account-${at}~team-a`, 100)));
      await until('the places are taken', async () =>
        (await answerTo(stage, 'account-8~team-a')).startsWith('HTTP/1.1 429'),
      );
      const refusal = await answerTo(stage, 'account-9~team-a');
      expect(refusal).toMatch(/^HTTP\/1.1 429 .*\r\nretry-after: 5\r\n/s);
      expect(refusal).toContain(
        'Cannot take more requests of ServiceAccounts of Namespace \\"team-a\\" at once: 8 are not answered yet',
      );
      expect((await ask(stage, 'team-b', COUNT)).status).toBe(200);
      for (const socket of waiting) socket.destroy();
      await until('the places are free', async () =>
        (await answerTo(stage, 'account-8~team-a')).startsWith('HTTP/1.1 400'),
      );
    },
    { authenticate, readable: async () => ['team-a'] },
  ));

const TEAMS = Array.from({ length: 12 }, (_, at) => `many-${at}`);
const PLACES_OF_ONE = 8;

test('who has no request under way is let in, whatever a team with many Namespaces asks for; who may read all has places apart', () =>
  withCollector(
    async (stage) => {
      await fill(stage);
      const begun = TEAMS.flatMap((team) =>
        Array.from({ length: PLACES_OF_ONE }, () => begin(stage, headOf(`x~${team}`, 100))),
      );
      await until('all further places are taken', async () => {
        const answers = await Promise.all(TEAMS.map((team) => answerTo(stage, `x~${team}`)));
        return answers.some((answer) => answer.startsWith('HTTP/1.1 503'));
      });
      // Of one without a request under way, and of one who may read all with several.
      const admins = Array.from({ length: 3 }, () => begin(stage, headOf('admin', 100)));
      expect(await answerTo(stage, 'x~team-b')).toMatch(/^HTTP\/1.1 400/);
      expect(await answerTo(stage, 'admin')).toMatch(/^HTTP\/1.1 400/);
      for (const socket of [...begun, ...admins]) socket.destroy();
    },
    {
      authenticate,
      readable: async ({ user }) => (user === 'admin' ? 'all' : ['team-a']),
    },
  ));

test('those who may read nothing take no places, however long it takes to find that out', async () => {
  let looks = 0;
  const looked = Promise.withResolvers<void>();
  const readable: ReadableWorkspaces = async ({ user }) => {
    if (!user.includes('many-')) return ['team-a'];
    looks += 1;
    await looked.promise;
    return [];
  };
  await withCollector(
    async (stage) => {
      const begun = TEAMS.flatMap((team) =>
        Array.from({ length: PLACES_OF_ONE }, () => begin(stage, headOf(`x~${team}`, 100))),
      );
      await until('all of them are looked at', () => looks >= TEAMS.length);
      const own = Array.from({ length: PLACES_OF_ONE }, () => begin(stage, headOf('x~team-a', 100)));
      await until('their places are taken', async () =>
        (await answerTo(stage, 'x~team-a')).startsWith('HTTP/1.1 429'),
      );
      expect(stage.refused.filter((one) => one.startsWith('503'))).toEqual([]);
      const answers = Promise.all(begun.map(firstBytes));
      looked.resolve();
      expect((await answers).map((answer) => answer.slice(0, 12))).toEqual(begun.map(() => 'HTTP/1.1 403'));
      // Each twice: of Namespaces with rows, and of those with pods.
      expect(looks).toBe(TEAMS.length * 2);
      for (const socket of own) socket.destroy();
    },
    { authenticate, readable },
  );
});

test.each([
  ['may not read any more', 'rights', 403],
  ['is not known any more', 'credentials', 401],
])('a query that waits gets no rows where its caller %s', (_what, taken, status) => {
  let looks = 0;
  let has: string | undefined;
  const readable: ReadableWorkspaces = async ({ user }) => {
    looks += 1;
    return user === 'ada' && has === 'rights' ? [] : ['team-a'];
  };
  const authenticateNow: Authenticate = async (credentials) =>
    has === 'credentials' ? undefined : await authenticate(credentials);
  return withCollector(
    async (stage) => {
      await fill(stage);
      const endless = ask(stage, 'bob', ENDLESS);
      await until('a query is under way', () => stage.isolated.pids.running.length > 0);
      const waiting = ask(stage, 'ada', COUNT);
      await until('the other one is let in', () => looks === 2);
      has = taken;
      expect((await waiting).status).toBe(status);
      await endless;
    },
    { authenticate: authenticateNow, readable, timeLimitMs: 3000 },
  );
});

/** To a request whose body is no JSON. */
function answerTo(stage: CollectorStage, token: string): Promise<string> {
  return firstBytes(begin(stage, headOf(token, 1), '{'));
}

test('nothing is read of a body of somebody who may read nothing, of a call that is none, or that is too long', () =>
  withCollector(async (stage) => {
    await fill(stage);
    const answers = await Promise.all(
      [
        headOf('person~nobody', 200_000),
        headOf('person~team-a', 200_000, '/v1/other'),
        headOf('person~team-a', 300_000),
        headOf('person~team-a', 10, '/v1/batches/outbound'),
      ].map((head) => firstBytes(begin(stage, head))),
    );
    expect(answers.map((answer) => /^HTTP\/1.1 (\d+)/.exec(answer)?.[1])).toEqual([
      '403',
      '404',
      '413',
      '403',
    ]);
    expect(answers[0]).toContain('you may not get denials.sallyport.dev in the whole cluster, nor in any');
    expect(answers[2]).toContain('Cannot accept a body of more than 262144 bytes');
    const [head = '', authorization = ''] = headOf('person~team-a', 0);
    const chunked = begin(stage, [head, authorization, 'transfer-encoding: chunked']);
    chunked.write(`493e0\r\n${'x'.repeat(300_000)}\r\n`);
    expect(await firstBytes(chunked)).toMatch(/^HTTP\/1.1 413/);
    const unpacked = JSON.stringify({ sql: `select 1 --${'x'.repeat(300_000)}` });
    expect((await ask(stage, 'team-a', unpacked)).status).toBe(413);
  }));

test('who may read a workspace without rows is no stranger', () =>
  withCollector(async (stage) => {
    await fill(stage);
    expect(JSON.parse((await ask(stage, 'new', COUNT)).text)).toMatchObject({ rows: [{ n: 0 }] });
  }));
