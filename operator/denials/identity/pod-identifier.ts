// Fills in who was denied, before rows are stored: pod, node, owner and product. A pod may be denied before the watch
// says that it is there, so young rows wait for it; but never for long, and a row whose source stays unknown says so.
import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../../lib/within.ts';
import { isIpLiteral } from '../../model/address-range.ts';
import { type Denial, type DenialIdentity, NOT_IDENTIFIED } from '../../model/denial.ts';
import { NETWORK_SOURCE_TYPE } from '../../model/product.ts';
import type { SeenPod } from '../../model/seen-pod.ts';
import type { AddressQuery, Found, PodDirectory } from './pod-directory.ts';

export interface PodIdentifierOptions {
  readonly directory: PodDirectory;
  /** As AddressQuery has it. */
  readonly knownUpToMs: () => number;
  /** The top of the pod's owners, "Deployment/etl"; null where none is sure. Never rejects; may take its time. */
  readonly ownerOf: (pod: SeenPod) => Promise<string | null>;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** So late may the report of a pod be for which another could be taken: the kubelet's, and that of the watch. */
const SETTLE_MS = 1000;
/** Until then a row waits for a pod that is not known. */
const UNKNOWN_MS = 1600;
/** All of it takes no longer. */
const MOST_MS = 2000;
/** An older row has waited already: its pod is not coming. */
const YOUNG_MS = 10_000;
const PAUSE_MS = 50;
/** Beyond so many, rows no longer wait. */
const MOST_WAITING = 20_000;

/** Of a row. */
type Source = Omit<AddressQuery, 'knownUpToMs'>;

export class PodIdentifier {
  readonly #options: PodIdentifierOptions;
  readonly #now: () => number;
  #waiting = 0;
  #changed = Promise.withResolvers<undefined>();

  constructor(options: PodIdentifierOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Call when the directory has learned of a pod. */
  noticeChange(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve(undefined);
  }

  /** The same rows in the same order; what they said about who it was is not believed. Never rejects. */
  async identify(rows: readonly Denial[]): Promise<readonly Denial[]> {
    const startMs = performance.now();
    const sources = rows.map(sourceOf);
    const asked = sources.filter((source) => source !== undefined);
    const leftMs = (untilMs: number): number => Math.max(0, startMs + untilMs - performance.now());
    if (this.#waiting + asked.length <= MOST_WAITING) {
      this.#waiting += asked.length;
      await this.#await(asked, leftMs);
      this.#waiting -= asked.length;
    }
    const found = sources.map((source) => source && this.#find(source));
    const owners = await this.#owners(found, leftMs(MOST_MS));
    return rows.map((row, at) => identified(row, found[at], owners));
  }

  async #await(sources: readonly Source[], leftMs: (untilMs: number) => number): Promise<void> {
    const nowMs = this.#now();
    const newestMs = sources.reduce((newest, { atMs }) => Math.max(newest, atMs), 0);
    const settleMs = Math.min(SETTLE_MS, newestMs + SETTLE_MS - nowMs);
    if (settleMs > 0) await delay(settleMs);
    const isUnknown = (source: Source): boolean => this.#find(source).who === 'UNKNOWN_SOURCE';
    let pending = newestOfEach(sources.filter(({ atMs }) => atMs >= nowMs - YOUNG_MS)).filter(isUnknown);
    while (pending.length > 0 && leftMs(UNKNOWN_MS) > 0) {
      await within(leftMs(UNKNOWN_MS), this.#changed.promise);
      // Many pods may come at once.
      await delay(Math.min(PAUSE_MS, leftMs(UNKNOWN_MS)));
      pending = pending.filter(isUnknown);
    }
  }

  #find({ address, namespace, atMs }: Source): Found {
    const { directory, knownUpToMs } = this.#options;
    return directory.find({ address, namespace, atMs, knownUpToMs: knownUpToMs() });
  }

  /** By uid of the pod; without an owner where that takes too long. */
  async #owners(
    all: readonly (Found | undefined)[],
    limitMs: number,
  ): Promise<ReadonlyMap<string, string | null>> {
    const pods = new Map(all.flatMap((found) => (found?.who === 'POD' ? [[found.pod.uid, found.pod]] : [])));
    const owners = new Map<string, string | null>();
    const ask = async (pod: SeenPod): Promise<void> => {
      owners.set(pod.uid, await this.#options.ownerOf(pod));
    };
    await within(limitMs, Promise.all([...pods.values()].map(ask)));
    return new Map(owners);
  }
}

/** Undefined for a row that is for several sources, or for none. */
function sourceOf({ source, workspace: namespace, eventTime }: Denial): Source | undefined {
  // Of "10.0.0.1:50000" and "[fd00::1]:50000".
  const address = source.slice(0, source.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return isIpLiteral(address) ? { address, namespace, atMs: Date.parse(eventTime) } : undefined;
}

/** One of each address. */
function newestOfEach(sources: readonly Source[]): readonly Source[] {
  const newest = new Map<string, Source>();
  for (const source of sources) {
    const key = `${source.namespace} ${source.address}`;
    if (source.atMs >= (newest.get(key)?.atMs ?? 0)) newest.set(key, source);
  }
  return [...newest.values()];
}

function identified(
  row: Denial,
  found: Found | undefined,
  owners: ReadonlyMap<string, string | null>,
): Denial {
  if (found === undefined) return { ...row, ...NOT_IDENTIFIED };
  const { who } = found;
  if (who === 'UNKNOWN_SOURCE') return { ...row, ...NOT_IDENTIFIED, who };
  if (who === 'HOST_NETWORK') return { ...row, ...NOT_IDENTIFIED, who, node: found.node };
  const { name: pod, uid: podUid, node, product } = found.pod;
  const identity: DenialIdentity = { pod, podUid, node, owner: owners.get(podUid) ?? null, who };
  if (row.product !== null || product === null) return { ...row, ...identity };
  return { ...row, ...identity, product, networkSourceType: NETWORK_SOURCE_TYPE[product] };
}
