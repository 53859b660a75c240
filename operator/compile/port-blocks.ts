// Aligned blocks of ports for keys (workspace and lane): pure, stable and deterministic. A key keeps its block for as
// long as it is wanted, and gets it back when it is wanted again. A freed block goes to the end of a queue, so that
// clients which still use an old port meet a closed port, not another workspace's policy, for as long as possible.
export interface PortRange {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  /** Ports per block; blocks start at from, from + size, ... */
  readonly size: number;
  /** False where something else has a port of the block that starts here. */
  readonly isFree?: (firstPort: number) => boolean;
}

/** State between calls. */
export interface PortBlockState {
  readonly blocks: Readonly<Record<string, number>>;
  /** Freed blocks, the longest-freed first. */
  readonly quarantine: readonly FreedBlock[];
}

export interface FreedBlock {
  readonly firstPort: number;
  /** Who had it last. */
  readonly key: string;
}

export interface PortBlocks extends PortBlockState {
  /** One sentence per key that got no block. */
  readonly problems: readonly { readonly key: string; readonly message: string }[];
}

export const NO_PORT_BLOCKS: PortBlockState = { blocks: {}, quarantine: [] };

/**
 * Keys that had a block get it back, unless another key needed it. New ones get never-used blocks first, the lowest
 * first, then the longest-freed; keys are served in sorted order.
 */
export function allocatePortBlocks(
  previous: PortBlockState,
  wantedKeys: readonly string[],
  range: PortRange,
): PortBlocks {
  const wanted = [...new Set(wantedKeys)].sort();
  const kept = keptBlocks(previous, wanted, range);
  const freed = freedBlocks(previous, new Set(kept.values()), range);
  const freedPorts = freed.map(({ firstPort }) => firstPort);
  const candidates = candidateBlocks(new Set([...kept.values(), ...freedPorts]), freedPorts, range);
  const problems: { key: string; message: string }[] = [];
  for (const key of wanted.filter((name) => !kept.has(name))) {
    const block = nextFree(candidates, range);
    if (block === undefined) {
      problems.push({ key, message: exhausted(key, range) });
    } else {
      kept.set(key, block);
    }
  }
  const taken = new Set(kept.values());
  const blocks = Object.fromEntries([...kept].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { blocks, quarantine: freed.filter(({ firstPort }) => !taken.has(firstPort)), problems };
}

// A remembered block outside the range, off its grid or held twice is given up: the range was reconfigured.
function keptBlocks(
  previous: PortBlockState,
  wanted: readonly string[],
  range: PortRange,
): Map<string, number> {
  const kept = new Map<string, number>();
  const taken = new Set<number>();
  const known = new Map(previous.quarantine.map(({ firstPort, key }) => [key, firstPort]));
  for (const [key, block] of Object.entries(previous.blocks)) known.set(key, block);
  // What is in use comes before what was.
  const isInUse = (key: string): boolean => Object.hasOwn(previous.blocks, key);
  for (const key of [...wanted.filter(isInUse), ...wanted.filter((name) => !isInUse(name))]) {
    const block = known.get(key);
    if (block !== undefined && isOnGrid(block, range) && !taken.has(block)) {
      kept.set(key, block);
      taken.add(block);
    }
  }
  return kept;
}

function freedBlocks(previous: PortBlockState, kept: ReadonlySet<number>, range: PortRange): FreedBlock[] {
  const freedNow = Object.entries(previous.blocks).map(([key, firstPort]) => ({ firstPort, key }));
  const queue = new Map<number, FreedBlock>();
  for (const freed of [...previous.quarantine, ...freedNow.sort((a, b) => a.firstPort - b.firstPort)]) {
    queue.set(freed.firstPort, freed);
  }
  return [...queue.values()].filter(({ firstPort }) => isOnGrid(firstPort, range) && !kept.has(firstPort));
}

function* candidateBlocks(
  used: ReadonlySet<number>,
  freed: readonly number[],
  range: PortRange,
): Generator<number> {
  for (let block = range.from; isOnGrid(block, range); block += range.size) {
    if (!used.has(block)) {
      yield block;
    }
  }
  yield* freed;
}

function nextFree(candidates: Generator<number>, range: PortRange): number | undefined {
  for (let next = candidates.next(); next.done !== true; next = candidates.next()) {
    if (range.isFree?.(next.value) ?? true) {
      return next.value;
    }
  }
  return undefined;
}

function isOnGrid(block: number, range: PortRange): boolean {
  return block >= range.from && block + range.size - 1 <= range.to && (block - range.from) % range.size === 0;
}

function exhausted(key: string, range: PortRange): string {
  const blocks = Math.floor((range.to - range.from + 1) / range.size);
  return `Cannot give ports to "${key}": all ${blocks} blocks of ${range.size} in ${range.from}-${range.to} are taken, enlarge the range`;
}
