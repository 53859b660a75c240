// The DNS of a gateway: its sockets, and the spool of its denials. It needs no Envoy, and answers from the tables that
// Envoy gets.
import { getServers } from 'node:dns';
import { join } from 'node:path';
import type { ProxyConfig } from '../../config.ts';
import { parseHostPort } from '../../lib/host-port.ts';
import { SYSTEM_CLOCK } from '../../lib/loop.ts';
import { rangesContain } from '../../model/address-range.ts';
import { METADATA_RANGES, NON_PUBLIC_RANGES } from '../../model/special-address.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import { SpoolWriter } from '../log/spool-writer.ts';
import { DNS_LOG } from '../log/spools.ts';
import { endTornLine } from '../log/torn-line.ts';
import { deniedLine } from '../process/connection-limits.ts';
import type { DeniedAt } from '../process/envoy-admin.ts';
import type { NameServer } from './ask-name-server.ts';
import type { ClusterNames } from './cluster-names.ts';
import type { DnsCounts } from './dns-counts.ts';
import { dnsLanes } from './dns-lanes.ts';
import { DnsResponder } from './dns-responder.ts';
import { DnsServer } from './dns-server.ts';
import { NameForwarder } from './name-forwarder.ts';

const DNS_PORT = 53;

export interface GatewayDnsOptions {
  readonly config: ProxyConfig;
  readonly onLogFailure: (error: Error) => void;
  /** Folder of the spool. */
  readonly folder: string;
  readonly clusterNames: ClusterNames;
  /** Name servers of the cluster; empty: those of the machine. */
  readonly clusterDns: readonly NameServer[];
  /** A port that is not available, or rows that were dropped. */
  readonly onProblem: (sentence: string) => void;
}

export class GatewayDns {
  readonly #responder: DnsResponder;
  readonly #server: DnsServer;
  readonly #log: SpoolWriter;
  readonly #logPath: string;
  #egressListeners: readonly EgressListener[] = [];

  constructor({ config, onLogFailure, folder, clusterNames, clusterDns, onProblem }: GatewayDnsOptions) {
    this.#responder = new DnsResponder({
      clusterNames,
      forwarder: new NameForwarder({
        outside: orOwn(config.resolvers),
        cluster: orOwn(clusterDns),
        isInside: (address) => isInside(address, config.denyRanges),
      }),
      questionsPerSecond: config.dnsQuestionsPerSecond,
      record: (line) => this.#log.append(line),
      nowMs: SYSTEM_CLOCK.nowMs,
    });
    const path = join(folder, `${DNS_LOG}.log`);
    this.#logPath = path;
    this.#log = new SpoolWriter({
      path,
      onFailure: onLogFailure,
      counts: this.counts,
      onDropping: () =>
        onProblem(
          `Cannot keep more rows of denied DNS questions: "${path}" cannot be written, make room there`,
        ),
      onDropped: (lines) =>
        onProblem(`${lines} denied DNS questions have no row: "${path}" could not be written for a while`),
    });
    this.#server = new DnsServer({
      responder: this.#responder,
      maxConnections: config.maxConnections,
      onProblem,
    });
  }

  get counts(): DnsCounts {
    return this.#responder.counts;
  }

  /** Ends a torn line of a former process. */
  async start(): Promise<void> {
    await endTornLine(this.#logPath);
  }

  /** Replaces the lanes; resolves when every port was tried. */
  async serve(egressListeners: readonly EgressListener[], compiled: CompiledObjects): Promise<void> {
    this.#egressListeners = egressListeners;
    await this.#server.serve(dnsLanes(egressListeners, compiled, SYSTEM_CLOCK.nowMs()));
  }

  /** A row about connections that Envoy does not log. */
  recordDenied(denied: DeniedAt): void {
    const line = deniedLine(this.#egressListeners, denied, SYSTEM_CLOCK.nowMs());
    if (line !== undefined) this.#log.append(line);
  }

  /** Resolves when every denial so far is in the spool. */
  flush(): Promise<void> {
    this.#responder.flush();
    return this.#log.flush();
  }

  /** Of lines of the spool. */
  get logWrites(): SpoolWriter['writes'] {
    return this.#log.writes;
  }

  /** The spool was renamed: starts another file. */
  reopenLog(): Promise<void> {
    return this.#log.reopen();
  }

  /** Stops answering. Written rows are delivered later. */
  async stop(): Promise<void> {
    await this.#server.close();
    this.#responder.flush();
    await this.#log.close();
  }
}

/** Those of the machine where none are given. */
function orOwn(servers: readonly NameServer[]): readonly NameServer[] {
  return servers.length > 0 ? servers : getServers().map(nameServerOf);
}

/** "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353". */
function nameServerOf(text: string): NameServer {
  const { host, port = DNS_PORT } = parseHostPort(text);
  return { address: host, port };
}

/**
 * Whether the address guard counts the address as inside: endpoints of Services have no other address (README:
 * `--deny-range`).
 */
function isInside(address: string, denyRanges: ProxyConfig['denyRanges']): boolean {
  return (
    rangesContain([...NON_PUBLIC_RANGES, ...denyRanges], address) && !rangesContain(METADATA_RANGES, address)
  );
}
