// The gateway as a confused deputy: what only it can reach (loopback, link-local, its own address, the lanes of others)
// is not reachable through it, from any lane, dry-run included; and no row is written in another workspace's name.
import fc from 'fast-check';
import { isDryRun } from '../../../operator/model/lane.ts';
import { canonicalName } from '../../outside/dns-zone.ts';
import {
  GATEWAY_HOSTS,
  GATEWAY_RECORDS,
  LOCAL_HOSTS,
  LOCAL_RECORDS,
  type LocalHost,
} from '../arbitraries/local-host.ts';
import type { Entry } from '../attack-case.ts';
import type { Family } from './family.ts';
import { ALL_LANES, type LaneName, type Probe, type Ruling, type Target } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import type { ProbeScene } from './probe-scene.ts';
import { absoluteForm, type Bytes, originForm, proxyConnect, transparentTls } from './probe-senders.ts';
import { DENIED, readAuthority } from './reading.ts';

/** A port of a lane, or as written. */
type PortOf = { readonly lane: LaneName; readonly entry: Entry } | { readonly written: string };

interface Case {
  readonly lane: LaneName;
  readonly way: keyof typeof WAYS;
  readonly host: LocalHost;
  readonly port: PortOf;
}

const ENTRIES = ['proxy', 'tls', 'http', 'dns'] as const satisfies readonly Entry[];

const laneName = fc.constantFrom(...ALL_LANES);

const lanePort: fc.Arbitrary<PortOf> = fc.record({ lane: laneName, entry: fc.constantFrom(...ENTRIES) });

const port: fc.Arbitrary<PortOf> = fc.oneof(
  { weight: 3, arbitrary: lanePort },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('443', '80', '8443', '5432', '0', '65536', '65535', '00', '-1', '22', '9901')
      .map((written) => ({ written })),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 65_535 }).map((written) => ({ written: `${written}` })) },
);

/** What another lane would make of the bytes inside, were it reached. */
const WAYS = {
  'CONNECT, TLS inside': (host, at, token) =>
    proxyConnect(`${host}${at}`, { token, sni: 'other.example.com' }),
  'CONNECT, CONNECT inside': (host, at, token) =>
    inTunnel(host, at, `CONNECT ${token}.evil.net:443 HTTP/1.1\r\nHost: ${token}.evil.net:443\r\n\r\n`),
  'CONNECT, GET inside': (host, at, token) =>
    inTunnel(host, at, `GET http://other.example.com/${token} HTTP/1.1\r\nHost: other.example.com\r\n\r\n`),
  'absolute form': (host, at, token) => absoluteForm(`${host}${at}`, token),
  Host: (host, at, token) => originForm('http', `${host}${at}`, token),
  SNI: (host, _at, token) => transparentTls(host, token),
} as const satisfies Readonly<Record<string, (host: string, at: string, token: string) => Bytes>>;

function inTunnel(host: string, at: string, inside: string): Bytes {
  const { entry, turns } = proxyConnect(`${host}${at}`, { token: '', sni: undefined });
  return { entry, turns: [...turns.slice(0, 1), { afterAnswers: 1, pieces: [inside] }] };
}

const ALL_WAYS = Object.keys(WAYS) as readonly (keyof typeof WAYS)[];

export const DEPUTY: Family = probeFamily<Case>({
  name: 'deputy',
  what: "loopback, the gateway's own address and other lanes' ports in every spelling, from every lane",
  runs: 4000,
  sampleRuns: 400,
  files: PROBE_FOLDER,
  arbitrary: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        lane: laneName,
        way: fc.constantFrom(...ALL_WAYS),
        host: fc.constantFrom(...LOCAL_HOSTS),
        port,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        lane: laneName,
        // Behind a server name there is no port to choose.
        way: fc.constantFrom(...ALL_WAYS.filter((way) => way !== 'SNI')),
        host: fc.constantFrom(...GATEWAY_HOSTS),
        port: lanePort,
      }),
    },
  ),
  async prepare({ fixture: { outside } }) {
    for (const [label, answers] of Object.entries({ ...LOCAL_RECORDS, ...GATEWAY_RECORDS }))
      outside.dns.setRecord(`${label}.leads.example.net`, answers(outside));
  },
  probe({ lane, way, host, port: at }, { token }, scene): Probe {
    const written = host.written(scene.fixture.outside);
    const shownPort = 'written' in at ? at.written : `${scene.placeOf(at.lane, at.entry).port}`;
    const shown = `${lane}, ${way}: ${written}:${shownPort}`;
    const target = readAuthority(way === 'SNI' ? written : `${written}:${shownPort}`, SNI_PORT);
    const ruling = host.isName && target !== undefined ? mayBeRecorded(lane, target, scene) : DENIED;
    return {
      ...WAYS[way](written, `:${shownPort}`, token),
      lane,
      ruling,
      mayAsk: [canonicalName(written), ...ALIASED],
      shown,
    };
  },
});

const SNI_PORT = 443;

/** What a record of ours leads to. */
const ALIASED = ['to-loopback.leads.example.net', 'localhost'];

/** In dry-run the DNS decides where a name leads, and a outside server is nobody's lane. */
function mayBeRecorded(lane: LaneName, to: Target, scene: ProbeScene): Ruling {
  return isDryRun(scene.laneOf(lane)) ? { kind: 'denied or', or: 'recorded', to } : DENIED;
}
