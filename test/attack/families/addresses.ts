// Addresses that no name may resolve to: requested literally in every spelling, and as the DNS answer for an
// allowed name (A, AAAA, CNAME). None of them is dialled, in dry-run no metadata service, and each attempt has its
// row.
import fc from 'fast-check';
import { metadataAddress, type Special, specialAddress, spellings } from '../arbitraries/special-address.ts';
import type { Family } from './family.ts';
import type { LaneName, Probe } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import type { ProbeScene } from './probe-scene.ts';
import { absoluteForm, type Bytes, originForm, proxyConnect, transparentTls } from './probe-senders.ts';
import { DENIED } from './reading.ts';

const WAYS = {
  CONNECT: (host, token) => proxyConnect(`${host}:443`, { token, sni: host }),
  'CONNECT for any bytes': (host, token) => proxyConnect(`${host}:5432`, { token, sni: undefined }),
  'absolute form': (host, token) => absoluteForm(host, token),
  'absolute form on 8080': (host, token) => absoluteForm(`${host}:8080`, token),
  Host: (host, token) => originForm('http', host, token),
  SNI: (host, token) => transparentTls(host, token),
} as const satisfies Readonly<Record<string, (host: string, token: string) => Bytes>>;

type Led = 'by A or AAAA' | 'by CNAME' | 'by two' | 'as written';

interface Case {
  readonly lane: LaneName;
  readonly way: keyof typeof WAYS;
  readonly led: Led;
  readonly special: Special;
  /** Which spelling, where it is asked for as written. */
  readonly spelling: number;
}

const asked = {
  way: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
  led: fc.constantFrom<Led>('by A or AAAA', 'by CNAME', 'by two', 'as written'),
  spelling: fc.nat(20),
};

export const ADDRESSES_OF_NAMES: Family = probeFamily<Case>({
  name: 'addresses',
  what: 'special-purpose and metadata addresses, written in every way and by every record of the DNS',
  runs: 4000,
  sampleRuns: 400,
  files: PROBE_FOLDER,
  arbitrary: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ ...asked, lane: fc.constantFrom('tenant', 'models'), special: specialAddress }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ ...asked, lane: fc.constantFrom('trial'), special: metadataAddress }),
    },
  ),
  probe({ lane, way, led, special, spelling }, { token }, scene): Probe {
    const written = spellings(special);
    const host =
      led === 'as written' ? (written[spelling % written.length] ?? '') : `${token}.leads.example.net`;
    if (led !== 'as written') setRecords(host, led, special, scene);
    const shown = `${lane}, ${way}: ${host} ${led} ${special.address}`;
    const mayAsk = [host, `to.${host}`];
    return { ...WAYS[way](host, token), lane, ruling: DENIED, mayAsk, shown };
  },
});

function setRecords(name: string, led: Led, { family, address }: Special, { fixture }: ProbeScene): void {
  const { dns } = fixture.outside;
  const others = led === 'by two' ? ['169.254.169.254', address] : [address];
  const record = family === 4 ? { a: others, aaaa: [] } : { a: [], aaaa: [address] };
  if (led !== 'by CNAME') return dns.setRecord(name, record);
  dns.setRecord(name, { cname: `to.${name}` });
  dns.setRecord(`to.${name}`, record);
}
