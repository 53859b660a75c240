// Whatever clients write about their address or host, nothing passes that the lists deny for the true client, and
// servers are told the true client. Generated heads; what trusted proxies append is the truth.
import fc from 'fast-check';
import { decideIngress } from '../../operator/compile/ingress/decide-ingress.ts';
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import type { TrustedProxies } from '../../operator/render/envoy/ingress/ingress-config.ts';
import { type IngressHead, ingressHead, trickyHead } from '../fixtures/ingress-heads.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { IngressFixture, type SeenRequest, seenBy } from '../support/envoy/ingress-fixture.ts';

const SEED = Number(process.env['SEED'] ?? 13);
const RUNS = Number(process.env['RUNS'] ?? 400);

const PROXY = '127.0.0.1';
const FURTHER_PROXY = '127.0.0.3';
/** What spoofed values name is allowed; true clients are not, some of them. */
const CLIENTS = ['127.0.7.1', '127.0.7.2', '127.0.9.1'];

/** `lines`: what clients write; proxies append to the last one. */
interface Way {
  readonly trustedProxies: TrustedProxies;
  readonly from: (client: string) => string;
  readonly appended: (client: string) => readonly string[];
}

const WAYS: Readonly<Record<string, Way>> = {
  'no proxy': { trustedProxies: { kind: 'none' }, from: (client) => client, appended: () => [] },
  'one proxy': {
    trustedProxies: { kind: 'hops', hops: 1 },
    from: () => PROXY,
    appended: (client) => [client],
  },
  'two proxies': {
    trustedProxies: { kind: 'hops', hops: 2 },
    from: () => FURTHER_PROXY,
    appended: (client) => [client, PROXY],
  },
  'trusted proxies': {
    trustedProxies: { kind: 'ranges', ranges: [range(PROXY), range(FURTHER_PROXY)] },
    from: () => FURTHER_PROXY,
    appended: (client) => [client, PROXY],
  },
  'trusted proxies, and a client that is none': {
    trustedProxies: { kind: 'ranges', ranges: [range(PROXY)] },
    from: (client) => client,
    appended: () => [],
  },
};

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

test.each(Object.entries(WAYS))('%s', async (_, { trustedProxies, from, appended }) => {
  const fixture = await IngressFixture.start({ trustedProxies });
  const outcomes = { passed: 0, denied: 0 };
  const check = async (client: string, head: IngressHead): Promise<void> => {
    const answer = await fixture.send(ingressHead(head, appended(client)), from(client));
    const seen = seenBy(answer);
    outcomes[seen === undefined ? 'denied' : 'passed'] += 1;
    if (seen === undefined) return;
    expectAllowed(client, seen);
  };
  try {
    await fixture.apply(Object.entries(RULES).map(([name, rules]) => ingressPlan(name, rules)));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CLIENTS), trickyHead(['own.example', 'other.example']), check),
      { seed: SEED, numRuns: RUNS },
    );
    expect(Math.min(outcomes.passed, outcomes.denied)).toBeGreaterThan(RUNS / 20);
  } finally {
    await fixture.stop();
  }
});

function expectAllowed(client: string, { headers }: SeenRequest): void {
  const reached = /^(own|other)\.example(?::[0-9]+)?$/.exec(headers['host'] ?? '')?.[1] ?? 'nowhere';
  const rules = RULES[reached];
  const isAllowed = rules !== undefined && decideIngress(rules, client).isAllowed;
  expect({ reached, isAllowed }).toEqual({ reached, isAllowed: true });
  const { 'x-forwarded-for': xff, 'x-real-ip': real, 'x-forwarded-host': host } = headers;
  expect({ xff, real, host }).toEqual({ xff: client, real: client, host: headers['host'] });
  const others = Object.keys(headers).filter((name) =>
    /^(?:forwarded$|x-envoy-|x-sallyport-|true-c|x-client)/.test(name),
  );
  expect(others).toEqual([]);
}

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

test.each(['one proxy', 'trusted proxies'])('%s that names no address: nobody passes', async (way) => {
  const { trustedProxies, from } = WAYS[way] as Way;
  const fixture = await IngressFixture.start({ trustedProxies });
  try {
    const off = { ...RULES['other'], lists: [], enableIpAccessLists: false };
    await fixture.apply([ingressPlan('other', RULES['other']), ingressPlan('off', off)]);
    const values = UNREADABLE.flatMap((text) =>
      text.trim() === '' ? [text] : [text, `198.51.100.1, ${text}`],
    );
    for (const value of values) {
      const headers = [`X-Forwarded-For: ${value}`];
      const denied = await fixture.ask({ host: 'other.example', headers, from: from('') });
      const { status, headers: { 'x-sallyport-reason': reason } = {} } = denied ?? {};
      expect({ value, status, reason }).toEqual({ value, status: 403, reason: 'BAD_ADDRESS' });
      expect((await fixture.ask({ host: 'off.example', headers, from: from('') }))?.status).toBe(200);
    }
  } finally {
    await fixture.stop();
  }
});

test('a zone makes no other address', async () => {
  const fixture = await IngressFixture.start({ trustedProxies: { kind: 'hops', hops: 1 } });
  try {
    await fixture.apply([ingressPlan('other', RULES['other'])]);
    for (const zone of ['', '%lo', '%1']) {
      const headers = [`X-Forwarded-For: fe80::1${zone}`];
      const answer = await fixture.ask({ host: 'other.example', headers });
      expect([zone, answer?.status]).toEqual([zone, 403]);
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
