// Parser differentials: whatever is sent in place of a host, on every way in, the host that was matched is the one
// that is queried in the DNS, dialled and written into the row; or none is.
import fc from 'fast-check';
import { authority } from '../arbitraries/authority.ts';
import { oddQuestion } from '../senders.ts';
import type { Family } from './family.ts';
import type { LaneName, Probe, Ruling } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import type { ProbeScene } from './probe-scene.ts';
import {
  absoluteForm,
  type Bytes,
  oneTurn,
  originForm,
  proxyConnect,
  transparentTls,
} from './probe-senders.ts';
import {
  type Attempt,
  DENIED,
  readAuthority,
  rulingOnConnect,
  rulingOnHost,
  rulingOnQuestion,
  rulingOnServerName,
  rulingOnUrl,
} from './reading.ts';

interface Asked extends Attempt {
  /** A host that the lane's policy allows. */
  readonly allowed: string;
}

interface WayIn {
  readonly bytes: (asked: Asked, token: string) => Bytes;
  readonly ruling: (asked: Asked, scene: ProbeScene) => Ruling;
}

const WAYS = {
  CONNECT: {
    bytes: ({ text }, token) => proxyConnect(text, { token, sni: withoutPort(text) }),
    ruling: (asked, scene) => rulingOnConnect(asked, withoutPort(asked.text), scene),
  },
  'absolute form': { bytes: ({ text }, token) => absoluteForm(text, token), ruling: rulingOnUrl },
  'absolute form with an allowed Host': {
    bytes: ({ text, allowed }, token) => absoluteForm(text, token, allowed),
    ruling: rulingOnUrl,
  },
  'allowed absolute form with a Host': {
    bytes: ({ text, allowed }, token) => absoluteForm(allowed, token, text),
    // The host of the URL counts; a Host that nobody can read may be denied all the same.
    ruling: (asked, scene) => orDenied(rulingOnUrl({ ...asked, text: asked.allowed }, scene)),
  },
  'Host to the proxy': {
    bytes: ({ text }, token) => originForm('proxy', text, token),
    ruling: rulingOnHost,
  },
  Host: { bytes: ({ text }, token) => originForm('http', text, token), ruling: rulingOnHost },
  SNI: {
    bytes: ({ text }, token) => transparentTls(text, token),
    ruling: (asked, scene) => rulingOnServerName(asked, 443, scene),
  },
  'SNI on 8443': {
    bytes: ({ text }, token) => transparentTls(text, token, 'tls-8443'),
    ruling: (asked, scene) => rulingOnServerName(asked, 8443, scene),
  },
  'SNI in an allowed tunnel': {
    bytes: ({ text, allowed }, token) => proxyConnect(`${allowed}:443`, { token, sni: text }),
    ruling: rulingInTunnel,
  },
  DNS: { bytes: ({ text }) => oddNameQuestion(text), ruling: rulingOnQuestion },
} as const satisfies Readonly<Record<string, WayIn>>;

function withoutPort(text: string): string {
  return text.replace(/:\d*$/, '');
}

function oddNameQuestion(text: string): Bytes {
  const labels = text.split('.').map((label) => label.slice(0, 63));
  return { ...oneTurn('dns', oddQuestion(labels)), isDatagram: true };
}

type Way = keyof typeof WAYS;

const LANES = ['tenant', 'trial', 'sealed', 'models'] as const satisfies readonly LaneName[];

interface Case {
  readonly lane: LaneName;
  readonly way: Way;
  readonly text: string;
}

export const AUTHORITY: Family = probeFamily<Case>({
  name: 'authority',
  what: 'hosts, ports and server names with anything at every position',
  runs: 6000,
  sampleRuns: 600,
  files: PROBE_FOLDER,
  arbitrary: fc.record({
    lane: fc.constantFrom(...LANES),
    way: fc.constantFrom(...(Object.keys(WAYS) as Way[])),
    text: authority,
  }),
  probe({ lane: anyLane, way, text: template }, { token, label }, scene): Probe {
    // A sealed lane has no further TLS ports.
    const lane = way === 'SNI on 8443' && anyLane === 'sealed' ? 'tenant' : anyLane;
    const text = template.replaceAll('@L', `${lane}-${label}`);
    const asked = { lane, text, allowed: `${lane}-${label}.leads.example.net` };
    return {
      ...WAYS[way].bytes(asked, token),
      lane,
      ruling: WAYS[way].ruling(asked, scene),
      shown: `${lane}, ${way}: ${JSON.stringify(text)}`,
    };
  },
});

function orDenied(ruling: Ruling): Ruling {
  if (ruling.kind !== 'passes' && ruling.kind !== 'recorded') return ruling;
  return { kind: 'denied or', or: ruling.kind, to: ruling.to };
}

function rulingInTunnel({ lane, text, allowed }: Asked, scene: ProbeScene): Ruling {
  const sni = readAuthority(text, 443);
  const isReadable = sni !== undefined && !text.includes(':');
  const ruling = rulingOnConnect({ lane, text: `${allowed}:443` }, isReadable ? sni.host : text, scene);
  if (isReadable && sni.isCanonical) return ruling;
  return ruling.kind === 'denied' ? DENIED : orDenied(ruling);
}
