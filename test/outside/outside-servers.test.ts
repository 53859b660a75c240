import { once } from 'node:events';
import { createServer } from 'node:net';
import type { OriginPage } from './origin-page.ts';
import { SSH_BANNER } from './origins.ts';
import { type OutsideServers, STANDARD_SERVICES, startOutsideServers } from './outside-servers.ts';
import { ask, openTunnel } from './proxy-client.ts';

let outside: OutsideServers;

beforeAll(async () => {
  outside = await startOutsideServers({
    names: [
      { name: 'a.example.com' },
      { name: 'b.example.com' },
      { name: '*.wild.example.com' },
      { name: 'db.example.com', services: { ...STANDARD_SERVICES, 5432: 'echo' } },
    ],
  });
});

afterAll(() => outside.stop());

function direct(): { resolver: string; ca: string } {
  return { resolver: outside.resolver, ca: outside.caPem };
}

test('an HTTPS page says how the request arrived', async () => {
  const result = await ask({ ...direct(), url: 'https://a.example.com/x?y=1' });
  expect(result).toMatchObject({ outcome: 'ok', status: 200 });
  expect(JSON.parse(result.body ?? '') as OriginPage).toMatchObject({
    protocol: 'https',
    host: 'a.example.com',
    path: '/x?y=1',
    sni: 'a.example.com',
    origin: `${outside.addressOf('a.example.com')}:443`,
  });
});

test('certificates are made for the name that is asked for, and for the address where none is', async () => {
  const wildcard = await ask({ ...direct(), url: 'https://any.wild.example.com/' });
  const address = await ask({ ...direct(), url: `https://${outside.addressOf('a.example.com')}/` });
  expect([wildcard.outcome, address.outcome]).toEqual(['ok', 'ok']);
});

test('each name has an address of its own in the open range', () => {
  const names = ['a.example.com', 'b.example.com', '*.wild.example.com', 'db.example.com'];
  const addresses = names.map((name) => outside.addressOf(name));
  const prefix = outside.openRange.replace('0/24', '');
  expect(new Set(addresses).size).toBe(4);
  expect([...addresses, outside.listenAddress].every((address) => address.startsWith(prefix))).toBe(true);
  expect(outside.closedAddress.startsWith(prefix)).toBe(false);
});

test('/bytes/N sends that many bytes and /slow sends lines one after the other', async () => {
  const bytes = await ask({ ...direct(), url: 'http://a.example.com/bytes/200000' });
  const slow = await ask({ ...direct(), url: 'http://a.example.com/slow/3/5' });
  expect(bytes.body).toHaveLength(200_000);
  expect(slow.body).toBe('line 1 of 3\nline 2 of 3\nline 3 of 3\n');
});

test('port 22 speaks first and a requested port echoes', async () => {
  const banner = await ask({ ...direct(), connect: 'a.example.com:22', sends: 'nothing' });
  const echo = await ask({ ...direct(), connect: 'db.example.com:5432', sends: 'bytes', bytes: 'ping' });
  expect([banner.body, echo.body]).toEqual([SSH_BANNER, 'ping']);
});

test('arrivals show who came to a name, by address or by the name that was said', async () => {
  await outside.addName({ name: 'counted.example.com' });
  await outside.addName({ name: 'front.example.com' });
  expect(outside.arrivalsFor('counted.example.com')).toEqual([]);
  await ask({ ...direct(), connect: 'counted.example.com:22', sends: 'nothing' });
  await ask({ ...direct(), url: 'https://front.example.com/in', sni: 'counted.example.com' });
  const arrivals = outside.arrivalsFor('counted.example.com');
  expect(arrivals.map(({ port, sni }) => [port, sni])).toEqual([
    [22, null],
    [443, 'counted.example.com'],
  ]);
  expect(arrivals[1]?.requests).toEqual([{ method: 'GET', host: 'front.example.com', path: '/in' }]);
});

test('addName() changes where a name leads and remembers where it led before', async () => {
  await outside.addName({ name: 'moving.example.com' });
  await ask({ ...direct(), url: 'http://moving.example.com/' });
  await outside.addName({ name: 'moving.example.com', address: outside.closedAddress });
  const result = await ask({ ...direct(), url: 'http://moving.example.com/' });
  expect((JSON.parse(result.body ?? '') as OriginPage).origin).toBe(`${outside.closedAddress}:80`);
  expect(outside.arrivalsFor('moving.example.com')).toHaveLength(2);
});

test('a port that another program holds is named, with what to do', async () => {
  const place = `${outside.listenAddress}:4321`;
  const holder = createServer().listen(4321, outside.listenAddress);
  await once(holder, 'listening');
  const listening = outside.addName({
    name: 'held.example.com',
    address: outside.listenAddress,
    services: { 4321: 'echo' },
  });
  await expect(listening).rejects.toThrow(
    `Cannot listen on "${place}": another program holds port 4321; stop it or ask for other "services"`,
  );
  holder.close();
});

test('stop() ends connections that are held open', async () => {
  const other = await startOutsideServers({ names: [{ name: 'a.example.com' }] });
  const options = { resolver: other.resolver, ca: other.caPem, url: 'https://a.example.com/' };
  const tunnel = await openTunnel(options);
  await other.stop();
  await tunnel.closed;
  await expect(ask({ ...options, timeoutMs: 500 })).resolves.toMatchObject({ outcome: 'failed' });
});
