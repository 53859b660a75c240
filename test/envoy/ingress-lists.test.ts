// R86 to R94 as a truth table: for generated lists and addresses a real Envoy decides as decideIngress() does, and names
// the same list, whether the address is the peer's own, in X-Forwarded-For or in a PROXY header.
import fc from 'fast-check';
import { decideIngress } from '../../operator/compile/ingress/decide-ingress.ts';
import {
  type AddressRange,
  addressBits,
  parseAddressRange,
  rangesContain,
} from '../../operator/model/address-range.ts';
import { type InboundLine, inboundRuleName, isDenying } from '../../operator/model/inbound-line.ts';
import type { IngressVerdict } from '../../operator/model/ingress-decision.ts';
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import type { IngressSettings } from '../../operator/render/envoy/ingress/ingress-config.ts';
import { ingressPlan, someAddress, someRules } from '../fixtures/ingress-rules.ts';
import { type Asked, IngressFixture } from '../support/envoy/ingress-fixture.ts';

const SEED = Number(process.env['SEED'] ?? 13);
const WORKSPACES = Number(process.env['RUNS'] ?? 60);
const ADDRESSES = 25;

const NO_UNICAST = ['0.0.0.0', '224.0.0.0/4', '255.255.255.255', '::', 'ff00::/8'].flatMap((text) => {
  const parsed = parseAddressRange(text);
  return 'range' in parsed ? [parsed.range] : [];
});
/** Nobody comes from its address but the proxy. */
const PROXY = { family: 4, address: '127.0.0.1', prefixLength: 32 } as const;

/** How a client shows its address. */
const WAYS: Readonly<
  Record<
    string,
    {
      readonly settings: Partial<IngressSettings>;
      readonly show: (address: string) => Partial<Asked>;
      /** Addresses that count for nobody: Envoy closes the connection, or takes them for the proxy's own. */
      readonly refused?: readonly AddressRange[];
    }
  >
> = {
  'X-Forwarded-For of one proxy': {
    settings: { trustedProxies: { kind: 'hops', hops: 1 } },
    show: (address) => ({ headers: [`X-Forwarded-For: 192.0.2.1, ${address}`] }),
  },
  'X-Forwarded-For of trusted proxies': {
    settings: {
      trustedProxies: { kind: 'ranges', ranges: [PROXY] },
    },
    show: (address) => ({ headers: [`X-Forwarded-For: 192.0.2.1, ${address}, 127.0.0.1`] }),
  },
  'PROXY protocol, version 1': {
    settings: { proxyProtocolFrom: [PROXY] },
    show: (address) => ({
      before: `PROXY ${address.includes(':') ? 'TCP6' : 'TCP4'} ${address} ${address.includes(':') ? '::1' : '127.0.0.1'} 40000 80\r\n`,
    }),
    refused: [...NO_UNICAST, PROXY],
  },
  'PROXY protocol, version 2': {
    settings: { proxyProtocolFrom: [PROXY] },
    show: (address) => ({ before: proxyHeader(address) }),
    refused: [...NO_UNICAST, PROXY],
  },
};

const addresses = fc.array(someAddress, { minLength: ADDRESSES, maxLength: ADDRESSES });
const tables = fc.sample(fc.tuple(someRules, addresses), { seed: SEED, numRuns: WORKSPACES });

test.each(Object.entries(WAYS))('%s', async (_, { settings, show, refused = [] }) => {
  const fixture = await IngressFixture.start(settings);
  try {
    await fixture.apply(tables.map(([rules], at) => ingressPlan(`w${at}`, rules)));
    const cases = tables.flatMap(([rules, clients], at) =>
      clients
        .filter((address) => address.startsWith('::ffff:') || !rangesContain(refused, address))
        .map((address, which) => ({ rules, address, path: `/${at}/${which}`, host: `w${at}.example` })),
    );
    for (const { host, path, address } of cases) await fixture.ask({ host, path, ...show(address) });
    const lines = await fixture.lines(cases.map(({ path }) => path));
    const differing = cases.flatMap(({ path, rules, address }) => {
      const [found, expected] = [foundIn(lines.get(path)), expectedFor(rules, address)];
      return JSON.stringify(found) === JSON.stringify(expected) ? [] : [{ address, rules, found, expected }];
    });
    expect(differing.slice(0, 3)).toEqual([]);
    expect(cases.length).toBeGreaterThan(WORKSPACES * ADDRESSES * 0.7);
  } finally {
    await fixture.stop();
  }
});

interface Finding {
  readonly rule: string;
  readonly status: number;
  /** What enforcing the lists in dry-run would change. */
  readonly wouldBe: string | undefined;
  readonly source: string;
}

function foundIn(line: InboundLine | undefined): Finding | undefined {
  if (line?.enforced === undefined) return undefined;
  const { enforced, shadow, code, source } = line;
  const isNarrower = !isDenying(enforced) && shadow !== undefined && isDenying(shadow);
  return {
    rule: inboundRuleName(enforced),
    status: code,
    wouldBe: isNarrower ? inboundRuleName(shadow) : undefined,
    source: canonical(source),
  };
}

function expectedFor(rules: IngressRules, address: string): Finding {
  const { wouldDeny, ...verdict } = decideIngress(rules, address);
  return {
    rule: ruleOf(verdict),
    status: verdict.isAllowed ? 200 : 403,
    wouldBe: wouldDeny && ruleOf(wouldDeny),
    source: canonical(address),
  };
}

function ruleOf({ reason, match }: IngressVerdict): string {
  return inboundRuleName(match === undefined ? { reason } : { reason, listId: match.listId });
}

/** One spelling for each address. */
function canonical(address: string): string {
  return `${addressBits(address)}`;
}

/** Version 2 of the PROXY protocol, from its specification. */
function proxyHeader(address: string): Buffer {
  const bits = addressBits(address) ?? 0;
  const isIpv6 = address.includes(':');
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  const size = isIpv6 ? 16 : 4;
  const mapped = typeof bits === 'number' ? BigInt(bits) | (isIpv6 ? 0xffffn << 32n : 0n) : bits;
  const source = Buffer.from(mapped.toString(16).padStart(size * 2, '0'), 'hex');
  const destination = Buffer.from([...Buffer.alloc(size - 1), 1]);
  const rest = Buffer.concat([source, destination, Buffer.from([0x9c, 0x40, 0, 80])]);
  const head = Buffer.from([0x21, isIpv6 ? 0x21 : 0x11, 0, rest.length]);
  return Buffer.concat([signature, head, rest]);
}
