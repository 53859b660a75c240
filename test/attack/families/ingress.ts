// People who may not come in say whatever they like about their address and host, on connections of their own or
// through proxies. Nothing passes that decideIngress() denies for the true client, and servers are told the true client.
// Real source addresses, IPv4 and IPv6: every family runs in a network namespace of its own.
import { execFile } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { decideIngress } from '../../../operator/compile/ingress/decide-ingress.ts';
import type { IngressRules } from '../../../operator/model/ingress-plan.ts';
import type { TrustedProxies } from '../../../operator/render/envoy/ingress/ingress-config.ts';
import { type IngressHead, ingressHead, trickyHead } from '../../fixtures/ingress-heads.ts';
import { ingressPlan } from '../../fixtures/ingress-rules.ts';
import { IngressFixture, type SeenRequest, seenBy } from '../../support/envoy/ingress-fixture.ts';
import type { Family, FamilyResult, FamilyRun } from './family.ts';

const run = promisify(execFile);

const PROXY = '127.0.0.1';
const FURTHER_PROXY = '127.0.0.3';
/** Addresses of this namespace: allowed by one workspace, blocked by it, nowhere in its lists. */
const CLIENTS = [
  '198.51.100.7',
  '198.51.100.66',
  '203.0.113.5',
  '2001:db8::7',
  '2001:db8::66',
  '2001:db8:1::5',
];

interface Way {
  readonly trustedProxies: TrustedProxies;
  readonly from: (client: string) => string;
  /** What proxies append to X-Forwarded-For: the truth. */
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
  'beside trusted proxies': {
    trustedProxies: { kind: 'ranges', ranges: [range(PROXY)] },
    from: (client) => client,
    appended: () => [],
  },
};

function range(address: string) {
  return { family: 4, address, prefixLength: 32 } as const;
}

const list = { label: 'l', listType: 'ALLOW', mode: 'ENFORCED', enabled: true } as const;
const BLOCKED = { ...list, listId: 'naughty', listType: 'BLOCK' as const };
const RULES: Readonly<Record<string, IngressRules>> = {
  own: {
    enableIpAccessLists: true,
    lists: [
      { ...list, listId: 'offices', ipAddresses: ['198.51.100.0/24', '2001:db8::/48', '127.0.0.0/8'] },
      { ...BLOCKED, ipAddresses: ['198.51.100.66', '2001:db8::66'] },
    ],
  },
  // Without an allow list, who is nowhere is let in: an address that is not understood must not be.
  other: {
    enableIpAccessLists: true,
    lists: [{ ...BLOCKED, ipAddresses: ['198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32'] }],
  },
};

export const INGRESS: Family = {
  name: 'ingress',
  what: 'heads that lie about address and host, from IPv4 and IPv6 clients, direct and through proxies',
  runs: 5000,
  sampleRuns: 750,
  async run({ seed, runs }: FamilyRun): Promise<FamilyResult> {
    await addClients();
    const counts = { passed: 0, denied: 0 };
    const faults: string[] = [];
    const each = Math.ceil(runs / Object.keys(WAYS).length);
    for (const [name, way] of Object.entries(WAYS)) {
      const head = trickyHead(['own.example', 'other.example']);
      const cases = fc.sample(fc.tuple(fc.constantFrom(...CLIENTS), head), { seed, numRuns: each });
      for (const { client, shown, seen } of await attempts(way, cases)) {
        counts[seen === undefined ? 'denied' : 'passed'] += 1;
        const fault = seen === undefined ? undefined : faultOf(client, seen);
        if (fault !== undefined) faults.push(`${name}, ${client}: ${fault}: ${shown}`);
      }
    }
    if (Math.min(...Object.values(counts)) < runs / 50) faults.push('Too few cases pass, or are denied');
    return { cases: each * Object.keys(WAYS).length, counts, faults };
  },
};

async function addClients(): Promise<void> {
  for (const client of CLIENTS) {
    const [length, more] = isIPv6(client) ? [128, ['nodad']] : [32, []];
    await run('ip', ['address', 'add', `${client}/${length}`, 'dev', 'lo', ...more]);
  }
}

interface Attempt {
  readonly client: string;
  readonly shown: string;
  /** By the server, where the request got there. */
  readonly seen: SeenRequest | undefined;
}

async function attempts(
  { trustedProxies, from, appended }: Way,
  cases: readonly (readonly [string, IngressHead])[],
): Promise<readonly Attempt[]> {
  const fixture = await IngressFixture.start({ address: '::', trustedProxies });
  try {
    await fixture.apply(Object.entries(RULES).map(([plan, rules]) => ingressPlan(plan, rules)));
    const made: Attempt[] = [];
    for (const [client, head] of cases) {
      const answer = await fixture.send(ingressHead(head, appended(client)), from(client));
      made.push({ client, shown: JSON.stringify(head), seen: seenBy(answer) });
    }
    return made;
  } finally {
    await fixture.stop();
  }
}

/** What is wrong with a request that a server got. */
function faultOf(client: string, { headers }: SeenRequest): string | undefined {
  const host = headers['host'] ?? '';
  const reached = /^(own|other)\.example(?::[1-9][0-9]*)?$/.exec(host)?.[1];
  const rules = reached === undefined ? undefined : RULES[reached];
  if (rules === undefined) return `a server got the host "${host}"`;
  if (!decideIngress(rules, client).isAllowed) return `passed to "${reached}", which denies it`;
  const told = ['x-forwarded-for', 'x-real-ip'].map((name) => headers[name]);
  if (told.some((value) => value !== client)) return `the server was told ${JSON.stringify(told)}`;
  if (headers['x-forwarded-host'] !== host)
    return `the server was told the host "${headers['x-forwarded-host']}"`;
  const others = Object.keys(headers).filter((name) =>
    /^(?:x-)?forwarded$|^x-envoy-|^x-sallyport-|[^a-z0-9-]|(?<!x-real-)ip(?:v6)?$|addr$/.test(name),
  );
  return others.length === 0 ? undefined : `the server got ${others.join()}`;
}
