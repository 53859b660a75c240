// Blocked destinations are denied in every lane that has a gateway in the way, dry-run included, on every way in, and
// whatever allowed entry covers them as well.
import fc from 'fast-check';
import { DRY_RUN, type WrittenAccess, workspaceYaml } from '../../support/envoy/workspace-yaml.ts';
import type { Family } from './family.ts';
import type { LaneName, Probe, Ruling } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PORTS, PROBE_FOLDER } from './probe-folder.ts';
import type { ProbeScene } from './probe-scene.ts';
import {
  absoluteForm,
  type Bytes,
  originForm,
  proxyConnect,
  question,
  transparentTls,
} from './probe-senders.ts';
import { DENIED, rulingOn } from './reading.ts';

const POLICY: WrittenAccess = {
  allowedInternetDestinations: [{ destination: '*.leads.example.net', ports: PORTS }],
  blockedInternetDestinations: [
    '*.bad.leads.example.net',
    'exact.leads.example.net',
    '*.zip',
    '*.co.uk',
    '*.amazonaws.com',
    'evil.net',
    '*.evil.net',
  ].map((destination) => ({ destination })),
};

const NAMES = [
  '@L.bad.leads.example.net',
  'a.@L.bad.leads.example.net',
  'exact.leads.example.net',
  '@L.zip',
  'a.b.@L.zip',
  '@L.co.uk',
  '@L.s3.us-west-2.amazonaws.com',
  '@L.execute-api.us-west-2.amazonaws.com',
  'evil.net',
  '@L.evil.net',
];

const WAYS = {
  CONNECT: (name, port, { token }) => proxyConnect(`${name}:${port}`, { token, sni: name }),
  'CONNECT without TLS': (name, port, { token }) =>
    proxyConnect(`${name}:${port}`, { token, sni: undefined }),
  'SNI in an allowed tunnel': (name, _port, { token, allowed }) =>
    proxyConnect(`${allowed}:443`, { token, sni: name }),
  'allowed SNI in its tunnel': (name, port, { token, allowed }) =>
    proxyConnect(`${name}:${port}`, { token, sni: allowed }),
  'absolute form': (name, port, { token }) => absoluteForm(`${name}:${port}`, token),
  'absolute form with an allowed Host': (name, _port, { token, allowed }) =>
    absoluteForm(name, token, allowed),
  Host: (name, _port, { token }) => originForm('http', name, token),
  SNI: (name, _port, { token }) => transparentTls(name, token),
  DNS: (name) => question(name),
  'DNS for AAAA': (name) => question(name, 'AAAA'),
} as const satisfies Readonly<
  Record<
    string,
    (name: string, port: number, more: { readonly token: string; readonly allowed: string }) => Bytes
  >
>;

const IN_TUNNEL = 'SNI in an allowed tunnel';

interface Case {
  readonly lane: LaneName;
  readonly way: keyof typeof WAYS;
  readonly name: string;
  readonly port: number;
  readonly letters: 'lower' | 'upper' | 'dot';
}

const SPELLINGS: Readonly<Record<Case['letters'], (name: string) => string>> = {
  lower: (name) => name,
  upper: (name) => name.toUpperCase(),
  dot: (name) => `${name}.`,
};

export const BLOCKED: Family = probeFamily<Case>({
  name: 'blocked',
  what: 'blocked names on every way and port, in every lane',
  runs: 3000,
  sampleRuns: 300,
  files: {
    ...PROBE_FOLDER,
    'tenant.yaml': workspaceYaml('tenant', POLICY),
    'trial.yaml': workspaceYaml('trial', { ...POLICY, ...DRY_RUN }),
  },
  arbitrary: fc.record({
    lane: fc.constantFrom('tenant', 'sealed', 'trial', 'sealed-trial', 'models'),
    way: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
    name: fc.constantFrom(...NAMES),
    port: fc.constantFrom(443, 80, 8443, 8080, 5432, 22),
    letters: fc.constantFrom('lower', 'upper', 'dot'),
  }),
  probe({ lane, way, name: template, port, letters }, { token, label }, scene): Probe {
    const name = SPELLINGS[letters](template.replaceAll('@L', `${lane}-${label}`));
    const allowed = `${lane}-${label}.leads.example.net`;
    const shown = `${lane}, ${way}: ${name} on ${port}`;
    const ruling = way === IN_TUNNEL ? rulingInTunnel(lane, allowed, name, scene) : DENIED;
    return { ...WAYS[way](name, port, { token, allowed }), lane, ruling, shown };
  },
});

/** The tunnel leads to the host of its CONNECT, whatever name is said inside; that is what dry-run records. */
function rulingInTunnel(lane: LaneName, host: string, sni: string, scene: ProbeScene): Ruling {
  const to = { host, port: 443 };
  return rulingOn(
    { ...to, isCanonical: true },
    scene.decide(lane, { via: 'CONNECT', ...to, inside: { kind: 'TLS', sni } }),
  );
}
