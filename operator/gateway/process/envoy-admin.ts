// Envoy's admin interface over its unix socket: questions about what is live, and two commands. Every failure is
// thrown: EnvoyNotRunning where nobody listens, EnvoySilent where Envoy does not answer.
import { Agent, request } from 'node:http';

/** Nobody listens on the admin socket. */
export class EnvoyNotRunning extends Error {
  override readonly name = 'EnvoyNotRunning';
}

/** Somebody listens on the admin socket but does not answer in time: Envoy is stopped or very busy. */
export class EnvoySilent extends Error {
  override readonly name = 'EnvoySilent';
}

export interface DeniedAt {
  /** Undefined for the limit of the whole Envoy. */
  readonly listener: string | undefined;
  /** Whether memory was the reason, and not their number. */
  readonly isOverloaded: boolean;
  /** Since Envoy's start. */
  readonly connections: number;
}

export interface Overload {
  readonly memoryPercent: number;
  /** Names of Envoy's actions that are active. */
  readonly actions: ReadonlySet<string>;
}

/** An address that Envoy forwards to under the name of a client. */
export interface ForwardedHost {
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  /** Requests and tunnels, since Envoy has known it. */
  readonly requests: number;
  /** Open connections to it. */
  readonly active: number;
}

export interface ServerInfo {
  readonly version: string;
  readonly state: string;
  readonly uptimeS: number;
}

export interface EnvoyAdminOptions {
  /** The longest that one answer may take; a stopped Envoy still accepts connections. */
  readonly timeoutMs?: number;
}

// Each worker has a gauge of its own besides.
const INTERNAL_LISTENER =
  /^listener\.envoy_internal_(?!.*\.worker_\d+\.)(.+)\.downstream_(?:pre_)?cx_active$/;
const OUTER_LISTENER =
  /^listener\.(?!envoy_internal_)(?!.*\.worker_\d+\.)(.+)\.downstream_(?:pre_)?cx_active$/;
const AT_LISTENER = /^listener\.(.+)\.downstream_(cx_overflow|cx_overload_reject)$/;
const OVERLOAD_ACTION = /^overload\.envoy\.overload_actions\.(.+)\.active$/;
const HEAP = 'resource_monitors\\.fixed_heap';
const NOT_THERE = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

export class EnvoyAdmin {
  readonly #socketPath: string;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });

  constructor(socketPath: string, options: EnvoyAdminOptions = {}) {
    this.#socketPath = socketPath;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  /** True once the workers run; an Envoy without any listener is ready too. False where nobody answers. */
  async ready(): Promise<boolean> {
    try {
      return (await this.#ask('GET', '/ready')).status === 200;
    } catch (error) {
      if (error instanceof EnvoyNotRunning) {
        return false;
      }
      throw error;
    }
  }

  /** Warming listeners and clusters: accepted, not serving yet. */
  async warming(): Promise<number> {
    const filter = '^(listener_manager\\.total_listeners_warming|cluster_manager\\.warming_clusters)$';
    const gauges = await this.#gauges(filter);
    return [...gauges.values()].reduce((sum, value) => sum + value, 0);
  }

  /** Connections of each listener for clients, including silent ones. */
  async activeConnections(): Promise<ReadonlyMap<string, number>> {
    const gauges = await this.#gauges('^listener\\..*\\.downstream_(pre_)?cx_active$');
    const active = new Map<string, number>();
    for (const [stat, count] of gauges) {
      const listener = OUTER_LISTENER.exec(stat)?.[1];
      if (listener !== undefined) active.set(listener, (active.get(listener) ?? 0) + count);
    }
    return active;
  }

  /** Requests in progress and open tunnels, of all clients. */
  async activeRequests(): Promise<number> {
    const gauges = await this.#gauges('^http\\..*\\.downstream_rq_active$');
    // This very question is a request, too.
    const ofClients = [...gauges].filter(([stat]) => !stat.startsWith('http.admin.'));
    return ofClients.reduce((sum, [, count]) => sum + count, 0);
  }

  /** Names of internal listeners that have connections, or clients whose first bytes are incomplete. */
  async listenersInUse(): Promise<ReadonlySet<string>> {
    const gauges = await this.#gauges('^listener\\.envoy_internal_.*\\.downstream_(pre_)?cx_active$');
    const inUse = [...gauges].filter(([, count]) => count > 0);
    return new Set(inUse.flatMap(([stat]) => INTERNAL_LISTENER.exec(stat)?.[1] ?? []));
  }

  /** Connections that were closed at once, by counter; without a listener those beyond the limit of the whole Envoy. */
  async deniedConnections(): Promise<ReadonlyMap<string, DeniedAt>> {
    const filter = encodeURIComponent('\\.downstream_(global_cx_overflow|cx_overflow|cx_overload_reject)$');
    const counters = parseNumbers(await this.#text(`/stats?type=Counters&usedonly&filter=${filter}`));
    return new Map([...counters].map(([stat, connections]) => [stat, deniedAt(stat, connections)]));
  }

  /** How much of its memory Envoy uses, and its active overload actions. */
  async overload(): Promise<Overload> {
    const gauges = await this.#gauges(
      `^overload\\.envoy\\.(${HEAP}\\.pressure|overload_actions\\..*\\.active)$`,
    );
    const actions = [...gauges].filter(([, value]) => value > 0);
    return {
      memoryPercent: gauges.get('overload.envoy.resource_monitors.fixed_heap.pressure') ?? 0,
      actions: new Set(actions.flatMap(([stat]) => OVERLOAD_ACTION.exec(stat)?.[1] ?? [])),
    };
  }

  /** Counters by name; `filter` is a regular expression in RE2's syntax. Costs Envoy time for all it has. */
  async counters(filter: string): Promise<ReadonlyMap<string, number>> {
    return parseNumbers(await this.#text(`/stats?type=Counters&filter=${encodeURIComponent(filter)}`));
  }

  /** Lines of its access log, and writes that failed, since its start; undefined for an Envoy that does not count them. */
  async logWrites(): Promise<{ readonly accepted: number; readonly failed: number } | undefined> {
    const filter = encodeURIComponent('^filesystem\\.write_(buffered|failed)$');
    const counters = parseNumbers(await this.#text(`/stats?type=Counters&usedonly&filter=${filter}`));
    const accepted = counters.get('filesystem.write_buffered');
    if (accepted === undefined) return undefined;
    return { accepted, failed: counters.get('filesystem.write_failed') ?? 0 };
  }

  /** Of all address caches; a host that nobody has used for a while is not there any more. */
  async forwardedHosts(): Promise<readonly ForwardedHost[]> {
    const answer = JSON.parse(await this.#text('/clusters?format=json')) as {
      cluster_statuses?: ClusterDump[];
    };
    return (answer.cluster_statuses ?? []).flatMap(({ name, host_statuses: hosts = [] }) =>
      hosts.flatMap((host) => forwardedHost(name, host)),
    );
  }

  /** Names of the listeners that came over xDS, in force or warming. */
  async listenerNames(): Promise<readonly string[]> {
    const mask = 'name,active_state.version_info,warming_state.version_info';
    const dump = JSON.parse(await this.#text(`/config_dump?resource=dynamic_listeners&mask=${mask}`)) as {
      configs?: ListenerDump[];
    };
    const there = (dump.configs ?? []).filter(
      ({ active_state: active, warming_state: warming }) => active !== undefined || warming !== undefined,
    );
    return there.map(({ name }) => name);
  }

  /** Makes Envoy reopen the access log when it next has something to write. */
  async reopenLogs(): Promise<void> {
    await this.#text('/reopen_logs', 'POST');
  }

  /** From now on Envoy asks clients to close their connections with the next answer; it accepts new ones all the same. */
  async askClientsToClose(): Promise<void> {
    await this.#text('/healthcheck/fail', 'POST');
  }

  async serverInfo(): Promise<ServerInfo> {
    const info = JSON.parse(await this.#text('/server_info')) as Record<string, string>;
    const version = /\/(\d+\.\d+\.\d+)/.exec(info['version'] ?? '')?.[1] ?? '';
    const uptimeS = Number((info['uptime_current_epoch'] ?? '0s').slice(0, -1));
    return { version, state: info['state'] ?? '', uptimeS };
  }

  /** Makes Envoy exit, at once and without draining. For an Envoy of unknown process id. */
  async quit(): Promise<void> {
    await this.#text('/quitquitquit', 'POST');
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Those that have ever been set: with thousands of listeners the others take Envoy a third of the time. */
  async #gauges(filter: string): Promise<Map<string, number>> {
    return parseNumbers(await this.#text(`/stats?type=Gauges&usedonly&filter=${encodeURIComponent(filter)}`));
  }

  async #text(path: string, method = 'GET'): Promise<string> {
    const answer = await this.#ask(method, path);
    if (answer.status !== 200) {
      throw new Error(
        `Cannot use Envoy's admin "${method} ${path}": it answered ${answer.status} "${answer.text}"`,
      );
    }
    return answer.text;
  }

  #ask(method: string, path: string): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException) => {
        reject(failureOf(cause, this.#socketPath));
      };
      const asked = request(
        { socketPath: this.#socketPath, method, path, agent: this.#agent, headers: { host: 'admin' } },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text });
          });
          response.on('error', fail);
        },
      );
      asked.setTimeout(this.#timeoutMs, () => {
        asked.destroy(new EnvoySilent(`Cannot query Envoy: it did not answer within ${this.#timeoutMs} ms`));
      });
      asked.on('error', fail);
      asked.end();
    });
  }
}

interface HostDump {
  readonly hostname?: string;
  readonly stats?: readonly { readonly name: string; readonly value?: string }[];
}

interface ClusterDump {
  readonly name: string;
  readonly host_statuses?: readonly HostDump[];
}

/** Envoy names such a host with its port; hosts of other clusters have no name. */
const HOST_AND_PORT = /^(.+):(\d+)$/;

function forwardedHost(cluster: string, { hostname = '', stats = [] }: HostDump): readonly ForwardedHost[] {
  const [, host, port] = HOST_AND_PORT.exec(hostname) ?? [];
  if (host === undefined) return [];
  const valueOf = (name: string): number => Number(stats.find((stat) => stat.name === name)?.value ?? 0);
  return [{ cluster, host, port: Number(port), requests: valueOf('rq_total'), active: valueOf('cx_active') }];
}

interface ListenerDump {
  readonly name: string;
  readonly active_state?: object;
  readonly warming_state?: object;
}

function failureOf(cause: NodeJS.ErrnoException, socketPath: string): Error {
  if (cause instanceof EnvoySilent) {
    return cause;
  }
  const what = `Cannot reach Envoy's admin socket "${socketPath}"`;
  return NOT_THERE.has(cause.code ?? '')
    ? new EnvoyNotRunning(what, { cause })
    : new Error(`${what}: ${cause.message}`, { cause });
}

function deniedAt(stat: string, connections: number): DeniedAt {
  const [, listener, why] = AT_LISTENER.exec(stat) ?? [];
  return { listener, isOverloaded: why === 'cx_overload_reject', connections };
}

function parseNumbers(text: string): Map<string, number> {
  const lines = text.matchAll(/^(\S+): (\d+)$/gm);
  return new Map([...lines].map(([, stat = '', value]) => [stat, Number(value)]));
}
