// What people and programs are told: the address that was seen and why it is denied, as HTML or JSON; that nobody
// answers; and nothing about lists, labels or other workspaces. And what stands in the log.
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import type { HttpResponse } from '../outside/http-exchange.ts';
import { type Asked, IngressFixture } from '../support/envoy/ingress-fixture.ts';

const BROWSER = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8';

const list = { mode: 'ENFORCED', enabled: true } as const;
const RULES: IngressRules = {
  enableIpAccessLists: true,
  lists: [
    { ...list, listId: 'offices-1', label: 'secret-label', listType: 'ALLOW', ipAddresses: ['127.0.0.0/24'] },
    { ...list, listId: 'naughty-1', label: 'secret-label', listType: 'BLOCK', ipAddresses: ['127.0.0.2'] },
  ],
};

let fixture: IngressFixture;
beforeAll(async () => {
  fixture = await IngressFixture.start();
  await fixture.apply(
    [
      ingressPlan('lab', { ...RULES, workspaceId: '4711' }),
      ingressPlan('broken', { ...RULES, unreadableLists: ['secret-list'] }),
      ingressPlan('account', { ...RULES, level: 'ACCOUNT', workspaceId: '' }),
      ingressPlan('empty'),
      ingressPlan('dead'),
    ],
    {
      backends: new Map([
        ['lab', [fixture.backend]],
        ['broken', [fixture.backend]],
        ['account', [fixture.backend]],
        // Port 1 of loopback, where nobody listens.
        ['dead', [{ address: '127.0.0.1', port: 1 }]],
      ]),
    },
  );
});
afterAll(() => fixture.stop());

const BLOCKED = 'Source IP address: 127.0.0.2 is blocked by Databricks IP ACL for workspace: 4711';

async function denied(asked: Asked): Promise<HttpResponse> {
  const answer = await fixture.ask(asked);
  if (answer === undefined) throw new Error('No answer');
  expect(answer.body).not.toMatch(/secret|offices|naughty|10\.0|neighbour/);
  expect(answer.headers['cache-control']).toBe('no-store');
  return answer;
}

test.each<[string, Partial<Asked>, string]>([
  ['a program', {}, 'application/json'],
  ['curl', { headers: ['Accept: */*'] }, 'application/json'],
  ['a browser at the API', { headers: [BROWSER], path: '/api/2.0/x' }, 'application/json'],
  ['a browser', { headers: [BROWSER] }, 'text/html; charset=utf-8'],
])('%s is told its address', async (_, asked, type) => {
  const answer = await denied({ host: 'lab.example', from: '127.0.0.2', ...asked });
  expect(answer).toMatchObject({ status: 403, headers: { 'content-type': type } });
  expect(answer.headers['x-sallyport-reason']).toBe('IN_BLOCK_LIST');
  if (type !== 'application/json') {
    expect(answer.body).toContain(
      'from the IP address 127.0.0.2. An IP access list of workspace 4711 blocks it',
    );
    expect(answer.body).toContain('ask an administrator of the workspace');
  } else expect(JSON.parse(answer.body)).toEqual({ error_code: 'PERMISSION_DENIED', message: BLOCKED });
});

test('each reason has its status and sentence', async () => {
  const found = async (host: string, from: string) => {
    const { status, headers, body } = await denied({ host, from });
    return [status, headers['x-sallyport-reason'], (JSON.parse(body) as { message: string }).message];
  };
  expect(await found('lab.example', '127.0.1.1')).toEqual([
    403,
    'NOT_IN_ALLOW_LIST',
    BLOCKED.replace('127.0.0.2', '127.0.1.1'),
  ]);
  expect(await found('broken.example', '127.0.0.1')).toEqual([
    403,
    'LIST_UNREADABLE',
    'Source IP address: 127.0.0.1 is blocked by Databricks IP ACL for workspace: id-broken',
  ]);
  expect(await found('account.example', '127.0.0.2')).toEqual([
    403,
    'IN_BLOCK_LIST',
    'Source IP address: 127.0.0.2 is blocked by Databricks IP ACL for account: account',
  ]);
  for (const host of ['nowhere.example', 'Nowhere.EXAMPLE', 'lab.example.lab', 'LAB'])
    expect(await found(host, '127.0.0.1')).toEqual([404, 'UNKNOWN_HOST', 'There is nothing at this host']);
  for (const host of ['empty.example', 'dead.example'])
    expect(await found(host, '127.0.0.1')).toEqual([503, undefined, expect.stringContaining('No server')]);
});

test.each([':x', ':0', ':', ':080', '@lab.example', '%00', ',lab.example', '/'])(
  'the host "lab.example%s" is refused',
  async (odd) => {
    const answer = await fixture.ask({ host: `lab.example${odd}` });
    expect([400, 404]).toContain(answer?.status);
  },
);

test('a line has the request and the rule, and is bounded', async () => {
  const long = `/long${'x'.repeat(5000)}`;
  await fixture.ask({
    host: 'lab.example',
    path: '/seen?token=secret',
    headers: ['X-Forwarded-For: 9.9.9.9'],
  });
  await fixture.ask({ host: 'nowhere.example', path: '/unknown' });
  await fixture.ask({ host: 'lab.example', path: long });
  const lines = await fixture.lines(['/seen', '/unknown']);
  expect(lines.get('/seen')).toMatchObject({
    workspace: 'lab',
    workspaceId: '4711',
    level: 'WORKSPACE',
    revision: 'r1',
    enforced: { reason: 'IN_ALLOW_LIST', listId: 'offices-1' },
    source: '127.0.0.1',
    peer: '127.0.0.1',
    code: 200,
    method: 'GET',
    host: 'lab.example',
  });
  expect(lines.get('/unknown')).toMatchObject({
    workspace: '',
    enforced: { reason: 'UNKNOWN_HOST' },
    code: 404,
  });
  const longest = Math.max(...(await fixture.log()).map(({ path }) => path.length));
  expect(longest).toBeLessThanOrEqual(1024);
});

test('half a head does not stay', async () => {
  const answer = await fixture.send(Buffer.from('GET / HTTP/1.1\r\nHost: lab.example\r\n'));
  expect(answer?.status).toBe(408);
});
