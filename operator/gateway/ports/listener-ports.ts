// Stores which loopback ports belong to which workspace and product, so that addresses in scripts stay valid across
// restarts. The pure allocator allocates blocks; this file stores its state, and skips ports that another process has.
// Stored ports are never given up for that: the user must free them.
import {
  allocatePortBlocks,
  type FreedBlock,
  NO_PORT_BLOCKS,
  type PortBlockState,
} from '../../compile/port-blocks.ts';
import { placeTlsPorts, tlsPortProblems } from '../../compile/tls-ports.ts';
import { type AtomicFiles, writeProblem } from '../../lib/atomic-file.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { BLOCK_SIZE, LANE_PORTS, type TlsPort } from '../../model/lane-port.ts';
import type { Problem } from '../../model/problem.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import { isPortFree } from './port-probe.ts';
import { blockKey, productListeners, wantedBlocks } from './product-listeners.ts';

export interface ListenerPortsOptions {
  readonly path: string;
  readonly address: string;
  readonly range: { readonly from: number; readonly to: number };
  readonly files: AtomicFiles;
}

interface RememberedPorts extends PortBlockState {
  /** By key, as blocks are. */
  readonly tlsPorts: Readonly<Record<string, readonly TlsPort[]>>;
}

export class ListenerPorts {
  readonly #options: ListenerPortsOptions;
  #state: RememberedPorts;
  /** As in the file, but for what #unsaved says. */
  #saved: RememberedPorts;
  #unsaved: string | undefined;
  /** First ports of blocks that another process has, found since the last save(). */
  readonly #taken = new Set<number>();
  /** Of the last call of egressListenersOf(). */
  problems: readonly Problem[] = [];

  private constructor(options: ListenerPortsOptions, state: RememberedPorts) {
    this.#options = options;
    this.#state = state;
    this.#saved = state;
  }

  /** A missing or unreadable file has no blocks. */
  static async open(options: ListenerPortsOptions): Promise<ListenerPorts> {
    return new ListenerPorts(
      options,
      readState(await options.files.readIfExists(options.path).catch(() => undefined)),
    );
  }

  egressListenersOf(
    plans: readonly WorkspacePlan[],
    tables: readonly EgressTable[],
  ): readonly EgressListener[] {
    const allocated = allocatePortBlocks(this.#state, wantedBlocks(plans), {
      ...this.#options.range,
      size: BLOCK_SIZE,
      isFree: (firstPort) => !this.#taken.has(firstPort),
    });
    const { blocks, quarantine } = allocated;
    const further = this.#furtherTlsPorts(plans, tables);
    this.#state = { blocks, quarantine, tlsPorts: further.tlsPorts };
    const exhausted = allocated.problems.map(
      ({ key, message }): Problem => ({ reason: 'PortsExhausted', message, object: key }),
    );
    this.problems = [...exhausted, ...further.problems];
    return productListeners(plans, blocks, this.#options.address, further.tlsPorts);
  }

  #furtherTlsPorts(
    plans: readonly WorkspacePlan[],
    tables: readonly EgressTable[],
  ): Pick<RememberedPorts, 'tlsPorts'> & { readonly problems: readonly Problem[] } {
    const specs = new Map(tables.map(({ metadata, spec }) => [metadata.name, spec]));
    const placed = plans.flatMap(({ metadata, spec }) =>
      spec.products.map(({ product, lane }) => {
        const key = blockKey(metadata.name, product);
        const before = this.#state.tlsPorts[key] ?? [];
        return { key, spec, ...placeTlsPorts(specs.get(spec.table), lane, before) };
      }),
    );
    const leftOut = placed.map(({ spec, leftOut: ports }) => ({
      networkPolicyId: spec.networkPolicyId,
      ports,
    }));
    const used = placed.filter(({ tlsPorts }) => tlsPorts.length > 0);
    return {
      tlsPorts: Object.fromEntries(used.map(({ key, tlsPorts }) => [key, tlsPorts])),
      problems: tlsPortProblems(leftOut),
    };
  }

  /**
   * Gives up those of the new blocks that another process has. True where egressListenersOf() must be asked once more.
   */
  async giveUpTaken(): Promise<boolean> {
    const blocks = { ...this.#state.blocks };
    for (const [key, port] of Object.entries(blocks)) {
      const isNew = this.#saved.blocks[key] !== port;
      if (!isNew || (await this.#isBlockFree(port))) continue;
      this.#taken.add(port);
      delete blocks[key];
    }
    const hasGivenUp = Object.keys(blocks).length < Object.keys(this.#state.blocks).length;
    this.#state = { ...this.#state, blocks };
    return hasGivenUp;
  }

  async #isBlockFree(firstPort: number): Promise<boolean> {
    for (const { protocol, offset } of LANE_PORTS) {
      if (protocol === 'TCP' && !(await isPortFree(this.#options.address, firstPort + offset))) return false;
    }
    return true;
  }

  /**
   * Before the ports are used, so that a crash does not lose them. Returns why they could not be saved: they are used
   * all the same, since waiting would hold back removals.
   */
  async save(): Promise<string | undefined> {
    if (this.#saved === this.#state && this.#unsaved === undefined) return undefined;
    this.#saved = this.#state;
    this.#taken.clear();
    const { files, path } = this.#options;
    try {
      await files.writeFileAtomic(path, `${JSON.stringify(this.#state, null, 2)}\n`);
      this.#unsaved = undefined;
    } catch (error) {
      this.#unsaved = writeProblem(path, error);
    }
    return this.#unsaved;
  }
}

const NOTHING_REMEMBERED: RememberedPorts = { ...NO_PORT_BLOCKS, tlsPorts: {} };

/** Earlier versions wrote the first port alone. */
function freedBlock(written: FreedBlock | number): FreedBlock {
  return typeof written === 'number' ? { firstPort: written, key: '' } : written;
}

function readState(text: string | undefined): RememberedPorts {
  try {
    const state = JSON.parse(text ?? '') as Partial<RememberedPorts>;
    const { blocks, quarantine, tlsPorts = {} } = state;
    return blocks instanceof Object && Array.isArray(quarantine)
      ? { blocks, quarantine: quarantine.map(freedBlock), tlsPorts }
      : NOTHING_REMEMBERED;
  } catch {
    return NOTHING_REMEMBERED;
  }
}
