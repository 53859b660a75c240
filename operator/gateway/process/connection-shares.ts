// Connection limits of each port, so that all ports of one workspace together never have more than its share of the
// gateway. Few ports are in use at a time, so idle ones lend to busy ones. The bound holds at each moment, though
// clients connect between two polls: limits are lowered first, and only connections that were polled as free are given
// out.
export interface ConnectionSharesOptions {
  /** Of one workspace, over all its listeners. */
  readonly share: number;
  /** Of one listener, at most. */
  readonly most: number;
}

export type CountByListener = ReadonlyMap<string, number>;

/** The rest is for later listeners. */
const GIVEN_OUT = 7 / 8;
/** A listener that uses more of its limit gets more before it is at its end. */
const BUSY = 1 / 2;

interface Port {
  limit: number;
  active: number;
}

export class ConnectionShares {
  readonly #options: ConnectionSharesOptions;
  #workspaces = new Map<string, ReadonlyMap<string, Port>>();

  constructor(options: ConnectionSharesOptions) {
    this.#options = options;
  }

  /** By listener. */
  get limits(): CountByListener {
    const ports = [...this.#workspaces.values()].flatMap((workspace) => [...workspace]);
    return new Map(ports.map(([listener, { limit }]) => [listener, limit]));
  }

  /** Replaces the listeners, by workspace. Returns whether any came or went, so that the limits have changed. */
  serve(listeners: ReadonlyMap<string, readonly string[]>): boolean {
    const former = this.#workspaces;
    const areSame = [...listeners].every(([workspace, names]) => hasExactly(former.get(workspace), names));
    if (areSame && listeners.size === former.size) return false;
    const served = [...listeners].map(
      ([workspace, names]) => [workspace, this.#ports(workspace, names)] as const,
    );
    this.#workspaces = new Map(served);
    return true;
  }

  /**
   * Open connections by listener. Returns whether any limit has changed; the limits must be in force before the next
   * call.
   */
  check(active: CountByListener): boolean {
    let isOther = false;
    for (const ports of this.#workspaces.values()) {
      let isBusy = false;
      for (const [listener, port] of ports) {
        port.active = active.get(listener) ?? 0;
        isBusy ||= port.limit < this.#options.most && port.active > port.limit * BUSY;
      }
      if (isBusy) isOther = this.#share([...ports.values()]) || isOther;
    }
    return isOther;
  }

  /** New listeners share most of the rest. */
  #ports(workspace: string, names: readonly string[]): ReadonlyMap<string, Port> {
    const former = this.#workspaces.get(workspace) ?? new Map<string, Port>();
    const kept = names.flatMap((name) => former.get(name) ?? []);
    const each = Math.floor((this.#room(kept) * GIVEN_OUT) / (names.length - kept.length));
    return new Map(names.map((name) => [name, former.get(name) ?? { limit: this.#within(each), active: 0 }]));
  }

  #share(ports: readonly Port[]): boolean {
    const { share } = this.#options;
    const used = sum(ports, ({ active }) => active);
    const free = Math.max(0, share * GIVEN_OUT - used);
    const wanted = ports.map(({ active }) =>
      this.#within(Math.floor(active + (free * (1 / ports.length + active / used)) / 2)),
    );
    const more = (port: Port, at: number): number => Math.max(0, (wanted[at] ?? 0) - port.limit);
    const part = Math.min(1, this.#room(ports) / Math.max(1, sum(ports, more)));
    const next = ports.map((port, at) =>
      Math.min(wanted[at] ?? 0, port.limit + Math.floor(more(port, at) * part)),
    );
    const isOther = ports.some(({ limit }, at) => limit !== next[at]);
    for (const [at, port] of ports.entries()) port.limit = next[at] ?? port.limit;
    return isOther;
  }

  /** Connections that no port has, or could have taken since the last poll. */
  #room(ports: readonly Port[]): number {
    return Math.max(0, this.#options.share - sum(ports, ({ limit, active }) => Math.max(limit, active)));
  }

  #within(limit: number): number {
    return Math.max(1, Math.min(this.#options.most, limit));
  }
}

function hasExactly(ports: ReadonlyMap<string, Port> | undefined, names: readonly string[]): boolean {
  return ports?.size === names.length && names.every((name) => ports.has(name));
}

function sum<T>(items: readonly T[], valueOf: (item: T, at: number) => number): number {
  return items.reduce((total, item, at) => total + valueOf(item, at), 0);
}
