// The stand-in outside servers: names, their DNS, and servers behind them, all on loopback and all real sockets.
// In: the names that shall exist. Out: a resolver, a CA and a journal for the test, the quickstart or the bench.
// Each start takes a loopback subnet of its own, so that concurrent processes never meet.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createCertificateAuthority } from './certificates.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { canonicalName, type DnsRecord } from './dns-zone.ts';
import { errorCode } from './error-code.ts';
import { type Arrival, createOrigins, type OriginProtocol, type Origins } from './origins.ts';

export interface OutsideName
  extends Pick<
    DnsRecord,
    'aaaa' | 'cname' | 'aInTurn' | 'spreadOver' | 'isSilent' | 'ttlSeconds' | 'additionals'
  > {
  /** "host.example.com", "*.example.com", or "*" for every other name. */
  readonly name: string;
  /**
   * An address of its own in the open range unless given. A given one outside 127.0.0.0/8 is only answered, not served.
   */
  readonly address?: string;
  /** Replaces the usual services for this name; spread STANDARD_SERVICES to add to them. */
  readonly services?: Services;
}

export interface OutsideServersOptions {
  readonly names: readonly OutsideName[];
  /** STANDARD_SERVICES unless given. */
  readonly services?: Services;
}

/** Protocol by port. */
export type Services = Readonly<Record<number, OriginProtocol>>;

export interface OutsideServers {
  /** "ip:port" of the DNS. */
  readonly resolver: string;
  /** The range of these servers, for gateways that must not reach other loopback addresses. */
  readonly openRange: string;
  /** An address in the open range that nothing listens on: for gateways' own listeners. */
  readonly listenAddress: string;
  /** An address just outside the open range; a name put there must stay unreachable through a gateway. */
  readonly closedAddress: string;
  readonly caPem: string;
  readonly dns: DnsServer;
  readonly origins: Origins;
  /** Adds a name, or changes where it leads. Throws where an address of it cannot be served. */
  addName(name: OutsideName): Promise<void>;
  /** Throws for a name without an address. */
  addressOf(name: string): string;
  /** Connections that came to an address the name ever had, or that said its name (SNI or Host) anywhere. */
  arrivalsFor(name: string): readonly Arrival[];
  stop(): Promise<void>;
}

export const STANDARD_SERVICES: Services = { 22: 'ssh', 80: 'http', 443: 'https' };

const FIRST_ADDRESS = 60;
const LAST_ADDRESS = 250;
const CLAIM_ATTEMPTS = 20;
/** Below 1024, so that claiming a subnet also shows whether such ports may be bound. */
const CLAIM_PORT = 443;

export async function startOutsideServers(options: OutsideServersOptions): Promise<OutsideServers> {
  const { claim, subnet, closedSubnet } = await claimSubnet();
  const authority = await createCertificateAuthority();
  const dns = await startDnsServer(`${subnet}.53`);
  const origins = createOrigins(authority);
  const book = new AddressBook(subnet);
  const outside: OutsideServers = {
    resolver: dns.resolver,
    openRange: `${subnet}.0/24`,
    listenAddress: `${subnet}.2`,
    closedAddress: `${closedSubnet}.2`,
    caPem: authority.caPem,
    dns,
    origins,
    async addName(name) {
      const addresses = book.add(name);
      await serve(origins, addresses, name.services ?? options.services ?? STANDARD_SERVICES);
      dns.setRecord(name.name, { ...name, a: addresses });
    },
    addressOf: (name) => book.addressOf(name),
    arrivalsFor: (name) => origins.arrivals.filter((arrival) => book.concerns(arrival, canonicalName(name))),
    async stop() {
      const closed = [once(claim.close(), 'close'), dns.stop(), origins.stop()];
      await Promise.all(closed);
    },
  };
  return addAll(outside, options.names);
}

/** Which address belongs to which name. */
class AddressBook {
  readonly #subnet: string;
  readonly #addresses = new Map<string, Set<string>>();
  #next = FIRST_ADDRESS;

  constructor(subnet: string) {
    this.#subnet = subnet;
  }

  /** The addresses that the name has from now on; none for a CNAME. */
  add({ name, address, aInTurn, spreadOver, cname }: OutsideName): readonly string[] {
    const key = canonicalName(name);
    const earlier = this.#addresses.get(key) ?? new Set<string>();
    this.#addresses.set(key, earlier);
    if (cname !== undefined) return [];
    const [known] = earlier;
    const addresses = aInTurn?.flat() ?? spreadOver ?? [address ?? known ?? this.#allocate(name)];
    for (const one of addresses) earlier.add(one);
    return addresses;
  }

  addressOf(name: string): string {
    const [address] = this.#addresses.get(canonicalName(name)) ?? [];
    if (address === undefined)
      throw new Error(`Cannot tell the address of "${name}": add the name first, with "addName"`);
    return address;
  }

  concerns(arrival: Arrival, name: string): boolean {
    const said = [arrival.sni, ...arrival.requests.map((request) => request.host)];
    const isAtAddress = this.#addresses.get(name)?.has(arrival.address) ?? false;
    return isAtAddress || said.some((one) => one !== null && canonicalName(one) === name);
  }

  #allocate(name: string): string {
    if (this.#next > LAST_ADDRESS) {
      throw new Error(
        `Cannot give "${name}" an address of its own: let names share an "address" or add one "*.suffix"`,
      );
    }
    return `${this.#subnet}.${this.#next++}`;
  }
}

async function addAll(outside: OutsideServers, names: readonly OutsideName[]): Promise<OutsideServers> {
  try {
    for (const name of names) await outside.addName(name);
    return outside;
  } catch (error) {
    await outside.stop();
    throw error;
  }
}

// Addresses that are not loopback (a rebinding answer such as 169.254.169.254) are answered, never served.
async function serve(origins: Origins, addresses: readonly string[], services: Services): Promise<void> {
  const loopback = addresses.filter((address) => address.startsWith('127.'));
  for (const address of loopback) {
    for (const [port, protocol] of Object.entries(services))
      await origins.listen(address, Number(port), protocol);
  }
}

interface ClaimedSubnet {
  /** First three octets. */
  readonly subnet: string;
  readonly closedSubnet: string;
  /** Held until stop(). */
  readonly claim: Server;
}

// Two neighbouring subnets at random, the second one for the closed address. A listener on the first one's ".1" claims
// both.
async function claimSubnet(): Promise<ClaimedSubnet> {
  let lastError: unknown;
  for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
    const second = randomInt(64, 255);
    const third = 2 * randomInt(0, 128);
    const subnet = `127.${second}.${third}`;
    try {
      const claim = createServer((socket) => socket.destroy()).listen(CLAIM_PORT, `${subnet}.1`);
      await once(claim, 'listening');
      return { subnet, closedSubnet: `127.${second}.${third + 1}`, claim };
    } catch (error) {
      lastError = error;
      if (errorCode(error) === 'EACCES') break;
    }
  }
  throw new Error(`Cannot start the stand-in outside servers: ${claimAdvice(lastError)}`, {
    cause: lastError,
  });
}

function claimAdvice(error: unknown): string {
  const code = errorCode(error);
  const advice = 'run through "hack/with-low-ports.sh"';
  if (code === 'EACCES') return `ports below 1024 may not be bound here; ${advice}`;
  if (code === 'EADDRINUSE') return `another program holds port ${CLAIM_PORT} on every address; ${advice}`;
  return `no loopback subnet can be used (${String(error)}); Linux is needed, where all of 127.0.0.0/8 is loopback`;
}
