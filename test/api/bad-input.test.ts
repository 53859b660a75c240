// What no client of Databricks would send, as bytes on a connection: every answer is JSON with a text as error_code,
// nothing opens, and nothing is stored.
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { TokenFile } from '../../operator/api/store/token-file.ts';
import { PROXY } from '../support/api/api-client.ts';
import { FolderStage } from '../support/api/folder-stage.ts';

let stage: FolderStage;

beforeAll(async () => {
  const expired =
    '  - { name: old, token: expired-token-of-this-test, admin: true, expiresAt: "2020-01-01T00:00:00Z" }\n';
  stage = await FolderStage.start({ tokens: expired });
});

afterAll(() => stage.stop());

const LISTS = '/api/2.0/ip-access-lists';
const LIST = '{"label":"x","list_type":"ALLOW","ip_addresses":["1.1.1.1"]}';

interface Raw {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  /** Instead of the length of the body. */
  readonly length?: number;
}

function bytesOf({ line = `POST ${LISTS} HTTP/1.1`, headers, body = LIST, length }: Raw): Buffer {
  const usual = [
    'host: analytics.acme.example',
    `authorization: Bearer ${stage.rootToken}`,
    'content-type: application/json',
  ];
  const head = [
    line,
    ...(headers ?? usual),
    `content-length: ${length ?? Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** Everything that the server answers until it closes. */
function converse(bytes: Buffer): Promise<string> {
  const { port } = new URL(stage.origin);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const localAddress = bytes.includes('x-forwarded-for') ? PROXY : '127.0.0.1';
    const place = { port: Number(port), host: '127.0.0.1', localAddress };
    const socket = connect(place, () => void socket.write(bytes));
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    // A server that has answered may close while the rest of a body is on its way.
    socket.on('error', (error) => (chunks.length > 0 ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly message: unknown;
}

function parse(text: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  expect(text).toMatch(/^content-type: application\/json/im);
  const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;
  return { status, code: body['error_code'], message: body['message'] };
}

const HOST = 'host: analytics.acme.example';
const token = () => `authorization: Bearer ${stage.rootToken}`;
const long = 'x'.repeat(20_000);

const CASES: readonly (readonly [what: string, raw: () => Raw, status: number, code: string])[] = [
  ['a body of XML', () => ({ headers: [HOST, token(), 'content-type: text/xml'] }), 415, 'INVALID_REQUEST'],
  [
    'a multipart body',
    () => ({ headers: [HOST, token(), 'content-type: multipart/form-data; boundary=x'] }),
    415,
    'INVALID_REQUEST',
  ],
  ['plain text', () => ({ headers: [HOST, token(), 'content-type: text/plain'] }), 415, 'INVALID_REQUEST'],
  ['half a body', () => ({ body: LIST.slice(0, 30) }), 400, 'MALFORMED_REQUEST'],
  ['no body', () => ({ body: '' }), 400, 'MALFORMED_REQUEST'],
  ['a list as a body', () => ({ body: '[]' }), 400, 'INVALID_PARAMETER_VALUE'],
  ['null as a body', () => ({ body: 'null' }), 400, 'INVALID_PARAMETER_VALUE'],
  ['YAML', () => ({ body: 'label: x' }), 400, 'MALFORMED_REQUEST'],
  ['a key twice', () => ({ body: LIST.replace('{', '{"label":"y",') }), 400, 'MALFORMED_REQUEST'],
  [
    'a key twice, once in disguise',
    () => ({ body: LIST.replace('{', '{"\\u006cabel":"y",') }),
    400,
    'MALFORMED_REQUEST',
  ],
  [
    'bytes that are no UTF-8',
    () => ({ body: Buffer.from(LIST.replace('x', '\xff'), 'latin1') }),
    400,
    'MALFORMED_REQUEST',
  ],
  ['a deep body', () => ({ body: '['.repeat(100_000) }), 400, 'MALFORMED_REQUEST'],
  ['10 MB', () => ({ body: `{"label":"${'x'.repeat(10_000_000)}"}` }), 413, 'INVALID_REQUEST'],
  [
    'a prototype',
    () => ({ body: LIST.replace('{', '{"__proto__":{"enabled":false},') }),
    400,
    'INVALID_PARAMETER_VALUE',
  ],
  [
    'a whole URL',
    () => ({ line: `POST http://sandbox.acme.example${LISTS} HTTP/1.1` }),
    400,
    'INVALID_REQUEST',
  ],
  ['two hosts', () => ({ headers: [HOST, 'host: sandbox.acme.example', token()] }), 400, 'INVALID_REQUEST'],
  ['no host', () => ({ headers: [token()] }), 400, 'INVALID_REQUEST'],
  ['two tokens', () => ({ headers: [HOST, token(), 'authorization: Bearer other'] }), 400, 'INVALID_REQUEST'],
  ['no token', () => ({ headers: [HOST] }), 401, 'UNAUTHENTICATED'],
  [
    'an expired token',
    () => ({ headers: [HOST, 'authorization: Bearer expired-token-of-this-test'] }),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token of another workspace',
    () => ({
      headers: [
        'host: x',
        'x-databricks-workspace-id: 1003',
        `authorization: Bearer ${stage.workspaceToken}`,
      ],
    }),
    403,
    'PERMISSION_DENIED',
  ],
  [
    'a token with a line end',
    () => ({ headers: [HOST, 'authorization: Bearer a%0d%0aImpersonate-User: root'] }),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'an address that is none',
    () => ({ headers: [HOST, token(), 'x-forwarded-for: 1.1.1.1, unknown'] }),
    400,
    'INVALID_REQUEST',
  ],
  ['no address', () => ({ headers: [HOST, token(), 'x-forwarded-for:'] }), 400, 'INVALID_REQUEST'],
  ['an unknown path', () => ({ line: 'POST /api/2.0/nope HTTP/1.1' }), 404, 'ENDPOINT_NOT_FOUND'],
  [
    'a path with two slashes',
    () => ({ line: 'POST /api/2.0//ip-access-lists HTTP/1.1' }),
    404,
    'ENDPOINT_NOT_FOUND',
  ],
  [
    'a path with dots',
    () => ({ line: 'POST /api/2.0/x/../ip-access-lists HTTP/1.1' }),
    404,
    'ENDPOINT_NOT_FOUND',
  ],
  [
    'a path with dots in disguise',
    () => ({ line: `GET ${LISTS}/%2e%2e HTTP/1.1`, body: '' }),
    404,
    'RESOURCE_DOES_NOT_EXIST',
  ],
  [
    'a path with half an escape',
    () => ({ line: `GET ${LISTS}/%zz HTTP/1.1`, body: '' }),
    400,
    'INVALID_REQUEST',
  ],
  ['a slash at the end', () => ({ line: `POST ${LISTS}/ HTTP/1.1` }), 405, 'ENDPOINT_NOT_FOUND'],
  ['upper case', () => ({ line: `POST ${LISTS.toUpperCase()} HTTP/1.1` }), 404, 'ENDPOINT_NOT_FOUND'],
  ['OPTIONS', () => ({ line: `OPTIONS ${LISTS} HTTP/1.1`, body: '' }), 405, 'ENDPOINT_NOT_FOUND'],
  ['PUT of all lists', () => ({ line: `PUT ${LISTS} HTTP/1.1` }), 405, 'ENDPOINT_NOT_FOUND'],
  ['an unknown method', () => ({ line: `BREW ${LISTS} HTTP/1.1` }), 400, 'INVALID_REQUEST'],
  ['no HTTP', () => ({ line: 'hello' }), 400, 'INVALID_REQUEST'],
  ['a head of 20 KB', () => ({ headers: [HOST, token(), `x-long: ${long}`] }), 431, 'INVALID_REQUEST'],
  [
    'an unknown parameter',
    () => ({ line: 'GET /api/2.0/workspace-conf?keys=enableIpAccessLists&x=1 HTTP/1.1', body: '' }),
    400,
    'INVALID_PARAMETER_VALUE',
  ],
  [
    'a parameter twice',
    () => ({ line: 'GET /api/2.0/workspace-conf?keys=a&keys=b HTTP/1.1', body: '' }),
    400,
    'INVALID_PARAMETER_VALUE',
  ],
];

it.each(CASES)('answers %s with an error that clients can read', async (_what, raw, status, code) => {
  const answer = parse(await converse(bytesOf(raw())));
  expect(answer).toMatchObject({ status, code });
  expect(String(answer.message)).not.toBe('');
  const { body } = await stage.call({ path: LISTS, headers: { host: 'analytics.acme.example' } });
  expect(body).toEqual({ ip_access_lists: [] });
});

it.each([
  ['POST', '/api/2.0/nope', 404, "No API found for 'POST /api/2.0/nope': GET /openapi.json lists all calls"],
  ['PUT', LISTS, 405, `No API found for 'PUT ${LISTS}': this path has GET, POST`],
] as const)('says to %s %s what there is instead', async (method, path, status, message) => {
  const answer = await stage.call({ method, path, headers: { host: 'analytics.acme.example' } });
  expect(answer).toMatchObject({ status, body: { error_code: 'ENDPOINT_NOT_FOUND', message } });
});

it('stores nothing of a body that does not come to its end', async () => {
  const { port } = new URL(stage.origin);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(bytesOf({ length: LIST.length + 10 }), () => socket.destroy());
    });
    socket.on('close', () => resolve());
  });
  const { body } = await stage.call({ path: LISTS, headers: { host: 'analytics.acme.example' } });
  expect(body).toEqual({ ip_access_lists: [] });
});

it('lets nobody in by a token file that others may read', async () => {
  const { chmod } = await import('node:fs/promises');
  const file = `${stage.directory}/tokens.yaml`;
  await chmod(file, 0o644);
  const headers = { host: 'analytics.acme.example' };
  const answer = await stage.call({ path: LISTS, headers });
  expect(answer).toMatchObject({ status: 503, body: { error_code: 'TEMPORARILY_UNAVAILABLE' } });
  await chmod(file, 0o600);
  expect(await stage.call({ path: LISTS, headers })).toMatchObject({ status: 200 });
});

it('names every fault of a token file', async () => {
  const path = `${stage.directory}/faulty.yaml`;
  const entries = '  - { name: a, token: short }\n  - { name: b, sha256: x }\n  - { nmae: c }\n';
  await writeFile(path, `tokens:\n${entries}`, { mode: 0o600 });
  const faults: string[] = [];
  const file = new TokenFile(path, (sentence) => void faults.push(sentence));
  await expect(file.holderOf('any-token-of-this-test', 0)).rejects.toMatchObject({ status: 503 });
  expect(faults).toHaveLength(1);
  for (const field of ['tokens[0].token', 'tokens[1].sha256', 'tokens[2]'])
    expect(faults[0]).toContain(field);
});
