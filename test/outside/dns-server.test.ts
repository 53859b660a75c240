import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { type DnsServer, startDnsServer } from './dns-server.ts';

let server: DnsServer;
let resolver: Resolver;

beforeEach(async () => {
  server = await startDnsServer('127.0.0.1');
  resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([server.resolver]);
});

afterEach(() => server.stop());

test('a name resolves to its addresses with a long time to live', async () => {
  server.setRecord('a.example.com', { a: ['127.1.2.3', '127.1.2.4'], aaaa: ['fd00::1'] });
  await expect(resolver.resolve4('A.example.com.', { ttl: true })).resolves.toEqual([
    { address: '127.1.2.3', ttl: 600 },
    { address: '127.1.2.4', ttl: 600 },
  ]);
  await expect(resolver.resolve6('a.example.com')).resolves.toEqual(['fd00::1']);
});

test('an unknown name is NXDOMAIN, a known one without that type has no data', async () => {
  server.setRecord('a.example.com', { a: ['127.1.2.3'] });
  await expect(resolver.resolve4('b.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(resolver.resolve6('a.example.com')).rejects.toMatchObject({ code: 'ENODATA' });
});

test('a wildcard covers every name below it and not the name itself; the longest one wins', async () => {
  server.setRecord('*.example.com', { a: ['127.1.0.1'] });
  server.setRecord('*.deep.example.com', { a: ['127.1.0.2'] });
  await expect(resolver.resolve4('x.y.example.com')).resolves.toEqual(['127.1.0.1']);
  await expect(resolver.resolve4('x.deep.example.com')).resolves.toEqual(['127.1.0.2']);
  await expect(resolver.resolve4('example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('a CNAME is followed to the addresses of its target', async () => {
  server.setRecord('alias.example.com', { cname: 'a.example.com' });
  server.setRecord('a.example.com', { a: ['127.1.2.3'] });
  await expect(resolver.resolve4('alias.example.com')).resolves.toEqual(['127.1.2.3']);
  await expect(resolver.resolveCname('alias.example.com')).resolves.toEqual(['a.example.com']);
});

test('a rebinding name answers in turn and then stays with the last answer', async () => {
  server.setRecord('r.example.com', { aInTurn: [['127.1.2.3'], ['169.254.169.254']], ttlSeconds: 0 });
  const answers = [];
  for (let turn = 0; turn < 3; turn++) answers.push(await resolver.resolve4('r.example.com'));
  expect(answers).toEqual([['127.1.2.3'], ['169.254.169.254'], ['169.254.169.254']]);
});

test('two hundred addresses arrive, by TCP after a truncated datagram', async () => {
  const addresses = Array.from({ length: 200 }, (_, index) => `127.1.2.${index}`);
  server.setRecord('many.example.com', { a: addresses });
  await expect(resolver.resolve4('many.example.com')).resolves.toHaveLength(200);
});

test('every question is in the journal, unanswered ones too', async () => {
  await expect(resolver.resolve4('Denied.example.com')).rejects.toThrow();
  await expect(resolver.resolveTxt('denied.example.com')).rejects.toThrow();
  expect(server.questionsFor('denied.example.com.').map((question) => question.type)).toEqual(['A', 'TXT']);
  expect(server.questionsFor('example.com')).toEqual([]);
});

test('bytes that are no DNS query are ignored and the server continues', async () => {
  server.setRecord('a.example.com', { a: ['127.1.2.3'] });
  const [address, port] = server.resolver.split(':');
  const client = createSocket('udp4');
  client.send('no dns', Number(port), address);
  await expect(resolver.resolve4('a.example.com')).resolves.toEqual(['127.1.2.3']);
  client.close();
  await once(client, 'close');
  expect(server.questions).toHaveLength(1);
});
