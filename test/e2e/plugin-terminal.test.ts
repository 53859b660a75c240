// The plugin of kubectl as a process, on an API server whose every answer has characters that a terminal obeys.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Command, ROOT } from './command-line.ts';

const NODE = `${ROOT}node_modules/.bin/node`;

let folder: string;
let server: Server;
/** Of this answer. */
let said = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugin-terminal-'));
  server = createServer((_, response) => {
    const status = { apiVersion: 'v1', kind: 'Status', status: 'Failure', message: said, code: 403 };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify(status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
    clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'team' } }],
  };
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(config));
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const control = fc.constantFrom(
  ...Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).filter((char) =>
    /\p{Cc}/u.test(char),
  ),
  ...['\u200e', '\u202e', '\u2028', '\u2066'],
);
const messages = fc.sample(
  fc.array(fc.oneof(control, fc.constant('seen')), { minLength: 20, maxLength: 60 }),
  { numRuns: 2, seed: 17 },
);

test.each([
  ['status'],
  ['restarts'],
  ['restart deployment/etl --yes'],
  ['explain pod/etl example.com'],
  ['suggest'],
  ['denials'],
])('no control character of an object reaches the terminal by "%s"', async (words) => {
  for (const [at, parts] of messages.entries()) {
    said = `seen${parts.join('')}`;
    const args = ['operator/kubectl-sallyport.ts', ...words.split(' '), '--kubeconfig'];
    const { status, stdout, stderr } = await new Command(NODE, [...args, join(folder, 'kubeconfig')]).ended();
    expect([words, at, status !== 0, /seen/.test(stdout + stderr)]).toEqual([words, at, true, true]);
    expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|[\u200e\u2028\u202e\u2066]/u);
  }
});
