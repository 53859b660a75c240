// Clients whose address is not what it should be: proxies that name none, zones, PROXY headers of strangers. The attack
// family "ingress" generates what clients write about themselves.
import { once } from 'node:events';
import { connect } from 'node:net';
import { decideIngress } from '../../operator/compile/ingress/decide-ingress.ts';
import { inboundDenialOfLine } from '../../operator/denials/reading/inbound-denial-of-line.ts';
import { PlanHistory } from '../../operator/denials/reading/plan-history.ts';
import { plainAddress } from '../../operator/model/address-range.ts';
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import type { TrustedProxies } from '../../operator/render/envoy/ingress/ingress-config.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { helloFor } from '../outside/client-hello.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import { until } from '../support/until.ts';

const PROXY = '127.0.0.1';

function range(address: string) {
  return { family: 4, address, prefixLength: 32 } as const;
}

const list = { label: 'l', listType: 'ALLOW', mode: 'ENFORCED', enabled: true } as const;
const RULES: Readonly<Record<string, IngressRules>> = {
  own: {
    enableIpAccessLists: true,
    lists: [
      {
        ...list,
        listId: 'offices',
        ipAddresses: ['127.0.7.0/24', '198.51.100.0/24', '2001:db8::/32', PROXY],
      },
      { ...list, listId: 'naughty', listType: 'BLOCK', ipAddresses: ['127.0.7.2'] },
    ],
  },
  // Without an allow list, who is nowhere is let in: an address that is not understood must not be.
  other: {
    enableIpAccessLists: true,
    lists: [{ ...list, listId: 'naughty', listType: 'BLOCK', ipAddresses: ['127.0.7.0/24', 'fe80::/10'] }],
  },
};

/** From a trusted proxy; the client must not be taken for the proxy, whom block lists let in. */
const UNREADABLE = [
  'garbage',
  '1.2.3.4:1234',
  '[2001:db8::1]',
  '[::1]:80',
  'unknown',
  '',
  ' ',
  '010.0.0.1',
  '1.2.3',
  '1.2.3.4.5',
  '0x7f.1',
  'fe80::1%eth0x',
  '127.0.7.1 x',
  '::ffff:1.2.3',
  '_hidden',
];

const TRUSTED: readonly TrustedProxies[] = [
  { kind: 'hops', hops: 1 },
  { kind: 'ranges', ranges: [range(PROXY)] },
];

test.each(TRUSTED)('a trusted proxy ($kind) that names no address: nobody passes', async (trustedProxies) => {
  const fixture = await IngressFixture.start({ trustedProxies });
  try {
    const off = { ...RULES['other'], lists: [], enableIpAccessLists: false };
    await fixture.apply([ingressPlan('other', RULES['other']), ingressPlan('off', off)]);
    const values = UNREADABLE.flatMap((text) =>
      text.trim() === '' ? [text] : [text, `198.51.100.1, ${text}`],
    );
    const named = values.map((value) => [`X-Forwarded-For: ${value}`]);
    const twice = ['X-Forwarded-For:', 'X-Forwarded-For:'];
    for (const headers of [...named, [], ['X-Real-IP: 198.51.100.1'], twice]) {
      const denied = await fixture.ask({ host: 'other.example', headers });
      const { status, headers: { 'x-sallyport-reason': reason } = {} } = denied ?? {};
      expect({ headers, status, reason }).toEqual({ headers, status: 403, reason: 'BAD_ADDRESS' });
      expect((await fixture.ask({ host: 'off.example', headers }))?.status).toBe(200);
    }
    await fixture.ask({ host: 'other.example', path: '/nameless' });
    const line = (await fixture.lines(['/nameless'])).get('/nameless');
    const origin = { accountId: 'account', eventId: '1' };
    const row = line === undefined ? undefined : inboundDenialOfLine(line, origin, new PlanHistory());
    expect(row).toMatchObject({ reason: 'BAD_ADDRESS', source: { ip: null }, proxy: PROXY });
  } finally {
    await fixture.stop();
  }
});

test('a zone makes no other address', async () => {
  const fixture = await IngressFixture.start({ trustedProxies: { kind: 'hops', hops: 1 } });
  try {
    const lists: IngressRules['lists'] = [
      { ...list, listId: 'local', ipAddresses: ['fe80::/64'] },
      { ...list, listId: 'naughty', listType: 'BLOCK', ipAddresses: ['fe80::2'] },
    ];
    const plan = ingressPlan('zoned', { lists });
    await fixture.apply([plan]);
    const asked = ['fe80::1', 'fe80::2', 'fe80:0:0:1::1'].flatMap((address) =>
      // This machine has the interface of the name; Envoy writes its number.
      ['', '%lo', '%1', '%99'].map((zone) => ({
        address,
        zone,
        path: `/${address}${zone.replace('%', '-')}`,
      })),
    );
    for (const { address, zone, path } of asked) {
      const headers = [`X-Forwarded-For: ${address}${zone}`];
      const answer = await fixture.ask({ host: 'zoned.example', path, headers });
      const { reason, isAllowed } = decideIngress(plan.spec, address);
      expect(decideIngress(plan.spec, `${address}${zone}`)).toEqual(decideIngress(plan.spec, address));
      expect({ path, status: answer?.status }).toEqual({ path, status: isAllowed ? 200 : 403 });
      const line = (await fixture.lines([path])).get(path);
      expect({ path, reason: line?.enforced?.reason }).toEqual({ path, reason });
      expect(plainAddress(line?.source ?? '')).toBe(plainAddress(address));
    }
  } finally {
    await fixture.stop();
  }
});

test('only trusted peers may speak the PROXY protocol, and they must', async () => {
  const fixture = await IngressFixture.start({ proxyProtocolFrom: [range(PROXY)] });
  try {
    await fixture.apply([ingressPlan('own', RULES['own'])]);
    const ask = async (from: string, before: string): Promise<number | undefined> =>
      (await fixture.ask({ host: 'own.example', from, before }))?.status;
    const header = 'PROXY TCP4 127.0.7.1 127.0.0.1 40000 80\r\n';
    expect(await ask(PROXY, header)).toBe(200);
    expect(await ask('127.0.7.1', header)).toBeUndefined();
    expect(await ask('127.0.7.1', '')).toBeUndefined();
    expect(await ask(PROXY, '')).toBeUndefined();
    expect(await ask(PROXY, 'PROXY TCP4 127.0.7.2 127.0.0.1 40000 80\r\n')).toBe(403);
    for (const bad of [
      'PROXY TCP4 127.0.7.1\r\n',
      'PROXY TCP4 127.0.7.1x 127.0.0.1 1 2\r\n',
      `PROXY ${'x'.repeat(200)}\r\n`,
    ])
      expect(await ask(PROXY, bad)).toBeUndefined();
  } finally {
    await fixture.stop();
  }
});

test.each(['http', 'https'] as const)('a stranger writes no source into the log (%s)', async (way) => {
  const fixture = await IngressFixture.start({ proxyProtocolFrom: [range(PROXY)] });
  try {
    await fixture.apply([
      ingressPlan('raw', { ...RULES['other'], lists: [], tlsPassthrough: way === 'https' }),
    ]);
    const { httpPort, tlsPort } = fixture.settings;
    const port = way === 'http' ? httpPort : tlsPort;
    const socket = connect({ host: PROXY, port: port ?? 0, localAddress: '127.0.7.9' });
    const rest = way === 'http' ? 'GET / HTTP/1.1\r\nhost: raw.example\r\n\r\n' : helloFor('raw.example');
    const claim = 'PROXY TCP4 198.51.100.9 127.0.0.1 40000 80\r\n';
    socket.on('error', () => undefined).write(Buffer.from(claim + rest, 'latin1'));
    await new Promise((resolve) => socket.resume().on('close', resolve));
    await until('its line is written', async () => (await fixture.log()).length > 0);
    const [line] = await fixture.log();
    expect(line).toMatchObject({ source: '127.0.7.9', peer: '127.0.7.9' });
  } finally {
    await fixture.stop();
  }
});

/** Versions 1 and 2. */
const NAMELESS = ['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ::1 ::2 1 2\r\n', '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'];
const NAMED = 'PROXY TCP4 192.0.2.1 127.0.0.1 40000 80\r\n';

test.each<TrustedProxies>([
  { kind: 'none' },
  { kind: 'hops', hops: 1 },
  { kind: 'ranges', ranges: [range('192.0.2.9')] },
  { kind: 'ranges', ranges: [{ ...range('127.0.0.0'), prefixLength: 24 }] },
])('a PROXY header that names nobody lets nobody in ($kind)', async (trustedProxies) => {
  const fixture = await IngressFixture.start({ trustedProxies, proxyProtocolFrom: [range(PROXY)] });
  try {
    const off = { ...RULES['other'], lists: [], enableIpAccessLists: false };
    await fixture.apply([ingressPlan('other', RULES['other']), ingressPlan('off', off)]);
    const claims = trustedProxies.kind === 'none' ? [[], ['X-Forwarded-For: 198.51.100.1']] : [[]];
    for (const before of NAMELESS)
      for (const headers of claims) {
        const denied = await fixture.ask({ host: 'other.example', before, headers });
        expect(denied?.headers['x-sallyport-reason']).toBe('BAD_ADDRESS');
        expect((await fixture.ask({ host: 'off.example', before, headers }))?.status).toBe(200);
      }
    const headers = trustedProxies.kind === 'hops' ? ['X-Forwarded-For: 192.0.2.1'] : [];
    expect((await fixture.ask({ host: 'other.example', before: NAMED, headers }))?.status).toBe(200);
  } finally {
    await fixture.stop();
  }
});

test('nor into TLS that is passed through', async () => {
  const fixture = await IngressFixture.start({ proxyProtocolFrom: [range(PROXY)] });
  try {
    await fixture.apply([
      ingressPlan('raw', { ...RULES['other'], lists: RULES['other']?.lists ?? [], tlsPassthrough: true }),
    ]);
    const reasons: string[] = [];
    for (const before of [...NAMELESS, NAMED]) {
      const socket = connect({ host: PROXY, port: fixture.settings.tlsPort });
      socket.on('error', () => undefined).write(Buffer.from(before + helloFor('raw.example'), 'latin1'));
      await once(socket.resume(), 'close');
      await until('its line is written', async () => (await fixture.log()).length > reasons.length);
      reasons.push((await fixture.log()).at(-1)?.enforced?.reason ?? '');
    }
    expect(reasons).toEqual([...NAMELESS.map(() => 'BAD_ADDRESS'), 'NO_ALLOW_LIST']);
  } finally {
    await fixture.stop();
  }
});
