// What a denied client sees, and that nothing which a client says about itself changes the verdict or travels on.
import { readResponse } from '../outside/http-exchange.ts';
import type { OriginPage } from '../outside/origin-page.ts';
import { ask, openTunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const ALLOWED = 'page.example.com';
const FORBIDDEN = 'forbidden.example.net';

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: ALLOWED }, { name: FORBIDDEN }],
    files: { 'lab.yaml': workspaceYaml('lab', allow([ALLOWED])) },
  });
});

afterAll(() => fixture.stop());

describe('a denial', () => {
  test.each(['https', 'http'])(
    'of %s:// says in header and body what was denied, by which policy, and why',
    async (scheme) => {
      const result = await ask({ ...fixture.client('lab'), url: `${scheme}://${FORBIDDEN}/` });
      expect(result).toMatchObject({
        outcome: 'refused',
        proxyStatus: 403,
        reason: 'DESTINATION_NOT_ALLOWED',
      });
      for (const part of [
        FORBIDDEN,
        '"lab-policy"',
        'no allowed destination matches',
        'DESTINATION_NOT_ALLOWED',
      ]) {
        expect(result.body).toContain(part);
      }
      expect(result.body?.length).toBeLessThan(300);
      expect(result.headers?.['content-type']).toBe('text/plain; charset=utf-8');
    },
  );

  test('causes no DNS question and no connection', () => {
    expect(fixture.outside.dns.questionsFor(FORBIDDEN)).toEqual([]);
    expect(fixture.outside.arrivalsFor(FORBIDDEN)).toEqual([]);
  });

  test('of the second request on a connection leaves the first one answered', async () => {
    const connection = await openTunnel({ ...fixture.client('lab'), url: `http://${ALLOWED}/` });
    const first = await connection.get('/first');
    connection.socket.write(`GET http://${FORBIDDEN}/ HTTP/1.1\r\nHost: ${ALLOWED}\r\n\r\n`);
    const second = await readResponse(connection.reader, 'GET');
    expect([first.status, second.status]).toEqual([200, 403]);
    expect(second.headers['x-sallyport-reason']).toBe('DESTINATION_NOT_ALLOWED');
    connection.close();
  });
});

describe('CONNECT in HTTP/1.0, as Python up to 3.11 sends it', () => {
  test('to an allowed name works', async () => {
    const result = await ask({ ...fixture.client('lab'), url: `https://${ALLOWED}/`, httpVersion: '1.0' });
    expect(result).toMatchObject({ outcome: 'ok', status: 200 });
  });

  test('to another one is denied as ever', async () => {
    const result = await ask({ ...fixture.client('lab'), url: `https://${FORBIDDEN}/`, httpVersion: '1.0' });
    expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason: 'DESTINATION_NOT_ALLOWED' });
  });
});

/** What would reveal to a server who the client is, or Envoy how to treat it. */
const IDENTITY = {
  'x-forwarded-for': '127.0.0.98',
  'x-forwarded-proto': 'https',
  'proxy-authorization': 'Basic c2VjcmV0',
  'x-envoy-upstream-rq-timeout-ms': '1',
};

const SPOOFED = { ...IDENTITY, 'x-sallyport-mode': 'dry-run', 'x-sallyport-lane': 'dry-run' };

describe('headers that a client makes up', () => {
  test.each(['https', 'http'])('change no verdict and no row: %s', async (scheme) => {
    const spoofed = { headers: SPOOFED, connectHeaders: SPOOFED, localAddress: '127.0.0.21' };
    const result = await ask({
      ...fixture.client('lab'),
      ...spoofed,
      url: `${scheme}://spoofed-${scheme}.example.net/`,
    });
    expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason: 'DESTINATION_NOT_ALLOWED' });
    const rows = await fixture.denialsWith({ destination: `spoofed-${scheme}.example.net` });
    expect(rows).toMatchObject([
      { accessType: 'DROP', source: expect.stringMatching(/^127\.0\.0\.21:\d+$/) },
    ]);
  });

  test('do not reach the server, and Envoy adds none that reveal who asked', async () => {
    const result = await ask({
      ...fixture.client('lab'),
      url: `http://${ALLOWED}/`,
      headers: { ...IDENTITY, 'x-mine': 'kept' },
    });
    const { headers } = JSON.parse(result.body ?? '') as OriginPage;
    expect(Object.keys(headers).toSorted()).toEqual(['accept', 'host', 'x-mine']);
  });
});
