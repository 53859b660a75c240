// The gateway that generated attempts are sent to, and outside servers for which every name exists and leads to a
// server that records what it receives. In: the folder. Out: places to send to, and what decide() says for each lane.
import {
  decide,
  decideName,
  type EgressRequest,
  type TransparentRequest,
} from '../../../operator/compile/decide.ts';
import { compileSnapshot } from '../../../operator/compile/plans.ts';
import { indexTable, type TableIndex } from '../../../operator/compile/table-index.ts';
import type { Lane } from '../../../operator/model/lane.ts';
import { formatProblem } from '../../../operator/model/problem.ts';
import { readFolder } from '../../../operator/sources/folder.ts';
import { spreadAddress } from '../../outside/dns-zone.ts';
import type { OutsideName, OutsideServers, Services } from '../../outside/outside-servers.ts';
import {
  type GatewayFixture,
  type GatewayOptions,
  startGateway,
} from '../../support/envoy/gateway-fixture.ts';
import type { Entry } from '../attack-case.ts';
import { LANES, type LaneName } from './probe.ts';

export interface ProbeScene {
  readonly fixture: GatewayFixture;
  placeOf(lane: LaneName, entry: Entry): Place;
  /** Address of the server that a name leads to, unless its record says otherwise. */
  addressOf(name: string): string;
  /** Whether any outside server listens there. */
  isServed(port: number): boolean;
  laneOf(lane: LaneName): Lane;
  /** What the table of the lane's workspace says. */
  decide(lane: LaneName, request: EgressRequest | TransparentRequest): ReturnType<typeof decide>;
  decideName(lane: LaneName, host: string): ReturnType<typeof decide>;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

const SERVERS = 40;
const FIRST_SERVER = 100;

/** Where attackers connect. */
const SERVICES: Services = {
  22: 'witness',
  80: 'witness',
  443: 'witness',
  5432: 'witness',
  8080: 'witness',
  8443: 'witness',
  65535: 'witness',
};

/** Of names below "endless" and "deaf". */
const ODD_SERVERS = { 'endless.leads.example.net': 'endless', 'deaf.leads.example.net': 'deaf' } as const;

const OFFSETS: Readonly<Record<Entry, number>> = { proxy: 0, tls: 1, http: 2, dns: 3, 'tls-8443': 4 };

export async function startProbeScene(
  files: GatewayOptions['files'],
  more: Partial<GatewayOptions> = {},
): Promise<ProbeScene> {
  const fixture = await startGateway({ names: [], services: SERVICES, files, ...more });
  try {
    if (fixture.problems.length > 0) throw new Error(fixture.problems.map(formatProblem).join('\n'));
    const servers = serversOf(fixture.outside);
    await fixture.outside.addName({ name: '*', spreadOver: servers });
    for (const [name, protocol] of Object.entries(ODD_SERVERS))
      await fixture.outside.addName(oddServer(name, protocol));
    const ruleOf = await tablesOf(fixture.folder);
    return {
      fixture,
      placeOf(lane, entry) {
        const { workspace, product } = LANES[lane];
        const { host, port } = fixture.client(workspace, product).proxy;
        return { host, port: port + OFFSETS[entry] };
      },
      addressOf: (name) => spreadAddress(name, servers),
      isServed: (port) => port in SERVICES,
      laneOf: (lane) => ruleOf(lane).lane,
      decide: (lane, request) => decide(ruleOf(lane).index, ruleOf(lane).lane, request),
      decideName: (lane, host) => decideName(ruleOf(lane).index, ruleOf(lane).lane, host),
    };
  } catch (error) {
    await fixture.stop();
    throw error;
  }
}

function oddServer(name: string, protocol: 'endless' | 'deaf'): OutsideName {
  return { name, services: Object.fromEntries(Object.keys(SERVICES).map((port) => [port, protocol])) };
}

function serversOf({ openRange }: OutsideServers): readonly string[] {
  const subnet = openRange.replace(/\.0\/24$/, '');
  return Array.from({ length: SERVERS }, (_, at) => `${subnet}.${FIRST_SERVER + at}`);
}

interface LaneRules {
  readonly index: TableIndex;
  readonly lane: Lane;
}

async function tablesOf(folder: string): Promise<(lane: LaneName) => LaneRules> {
  const { snapshot } = await readFolder(folder);
  const { plans, tables } = compileSnapshot(snapshot);
  const indexes = new Map(tables.map(({ metadata, spec }) => [metadata.name, indexTable(spec, Date.now())]));
  return (name) => {
    const { workspace, product } = LANES[name];
    const plan = plans.find(({ metadata }) => metadata.name === workspace);
    const index = indexes.get(plan?.spec.table ?? '');
    const lane = plan?.spec.products.find((entry) => entry.product === product)?.lane;
    if (index === undefined || lane === undefined) throw new Error(`The scene has no lane "${name}"`);
    return { index, lane };
  };
}
