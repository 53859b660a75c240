// Text of every size around every limit, wherever a client may put text: denied ones leave one row of bounded size,
// the log and the gateway continue, and others are served.
import fc from 'fast-check';
import { oddQuestion } from '../senders.ts';
import type { Family } from './family.ts';
import type { LaneName, Probe, Ruling } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import { type Bytes, helloWith, oneTurn, proxyConnect } from './probe-senders.ts';

const LIMITS = [63, 253, 255, 512, 1024, 4096, 8192, 16_384, 29_000, 32_768, 60_000, 65_535];

const size = fc
  .tuple(fc.constantFrom(...LIMITS), fc.integer({ min: -2, max: 2 }))
  .map(([limit, more]) => limit + more);

/** Fills labels up to so many characters, ending in the name. */
function longName(length: number, name: string, label = 60): string {
  const wanted = Math.max(0, length - name.length - 1);
  const labels = 'x'
    .repeat(wanted)
    .replaceAll(new RegExp(`x{${label}}(?=x)`, 'g'), `${'x'.repeat(label - 1)}.`);
  return labels === '' ? name : `${labels.replace(/\.$/, 'x')}.${name}`;
}

interface Filling {
  readonly length: number;
  readonly token: string;
  /** A name that nobody allows. */
  readonly evil: string;
  readonly allowed: string;
}

const FIELDS = {
  'Host of labels': ({ length, evil }) => get('http', `/`, longName(length, evil)),
  'Host of one label': ({ length, evil }) => get('http', `/`, `${'y'.repeat(length)}.${evil}`),
  'host of the URL': ({ length, evil }) => get('proxy', `http://${longName(length, evil)}/`, evil),
  'CONNECT host': ({ length, evil, token }) =>
    proxyConnect(`${longName(length, evil)}:443`, { token, sni: evil }),
  'port of digits': ({ length, evil, token }) =>
    proxyConnect(`${evil}:${'4'.repeat(length)}`, { token, sni: evil }),
  path: ({ length, evil }) => get('proxy', `http://${evil}/${'p'.repeat(length)}`, evil),
  'header value': ({ length, evil }) => get('http', '/', evil, `X-Filling: ${'v'.repeat(length)}\r\n`),
  'header name': ({ length, evil }) => get('http', '/', evil, `${'N'.repeat(length)}: v\r\n`),
  'many headers': ({ length, evil }) => get('http', '/', evil, 'A: b\r\n'.repeat(length / 6)),
  method: ({ length, evil }) =>
    oneTurn('proxy', `${'M'.repeat(length)} http://${evil}/ HTTP/1.1\r\nHost: ${evil}\r\n\r\n`),
  SNI: ({ length, evil, token }) =>
    oneTurn('tls', helloWith(longName(Math.min(length, 60_000), evil), token)),
  'SNI in a tunnel': ({ length, allowed, evil, token }) =>
    proxyConnect(`${allowed}:443`, { token, sni: longName(Math.min(length, 60_000), evil) }),
  'DNS name': ({ length, evil }) => ask(longName(Math.min(length, 60_000), evil)),
} as const satisfies Readonly<Record<string, (filling: Filling) => Bytes>>;

function get(entry: 'proxy' | 'http', target: string, host: string, headers = ''): Bytes {
  return oneTurn(entry, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
}

/** A datagram has no more; longer names are no names. */
const LONGEST_QUESTION = 1200;

function ask(name: string): Bytes {
  const labels = name.slice(-LONGEST_QUESTION).split('.');
  return { ...oneTurn('dns', oddQuestion(labels)), isDatagram: true };
}

interface Case {
  readonly lane: LaneName;
  readonly field: keyof typeof FIELDS;
  readonly length: number;
}

const DENIED: Ruling = { kind: 'denied' };

export const BIG_TEXT: Family = probeFamily<Case>({
  name: 'big-text',
  what: 'hosts, paths, headers, methods, server names and questions of sizes around every limit',
  runs: 3000,
  sampleRuns: 250,
  files: PROBE_FOLDER,
  arbitrary: fc.record({
    lane: fc.constantFrom('tenant', 'sealed', 'models'),
    field: fc.constantFrom(...(Object.keys(FIELDS) as (keyof typeof FIELDS)[])),
    length: size,
  }),
  probe({ lane, field, length }, { token, label }): Probe {
    const filling = {
      length,
      token,
      evil: `${lane}-${label}.evil.net`,
      allowed: `${lane}-${label}.leads.example.net`,
    };
    return { ...FIELDS[field](filling), lane, ruling: DENIED, shown: `${lane}, ${field} of ${length}` };
  },
});
