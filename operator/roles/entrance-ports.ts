// Remembers which loopback ports belong to which workspace and product, so that addresses in scripts stay right
// across restarts. Blocks are allocated by the pure allocator; this keeps its state in a file, and passes over ports
// that another process has. What is remembered is never given up for that: its port is the user's to free.

import { allocatePortBlocks, noPortBlocks, type PortBlockState } from '../compile/port-blocks.ts';
import { type AtomicFiles } from '../gateway/atomic-files.ts';
import { isPortFree } from '../gateway/ports/port-probe.ts';
import { BLOCK_SIZE } from '../model/lane-port.ts';
import type { Problem } from '../model/problem.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import type { Entrance } from '../render/envoy/envoy-config.ts';
import { entrancesOf, wantedBlocks } from './entrances.ts';

export interface EntrancePortsOptions {
  readonly path: string;
  readonly address: string;
  readonly range: { readonly from: number; readonly to: number };
  readonly files: AtomicFiles;
}

export class EntrancePorts {
  readonly #options: EntrancePortsOptions;
  #state: PortBlockState;
  /** As in the file. */
  #saved: PortBlockState;
  /** First ports of blocks that another process has, as found since the last save(). */
  readonly #taken = new Set<number>();
  /** Of the last call of entrancesOf(). */
  problems: readonly Problem[] = [];

  private constructor(options: EntrancePortsOptions, state: PortBlockState) {
    this.#options = options;
    this.#state = state;
    this.#saved = state;
  }

  /** A file that is missing or unreadable means that no block is remembered. */
  static async open(options: EntrancePortsOptions): Promise<EntrancePorts> {
    return new EntrancePorts(options, readState(await options.files.readIfExists(options.path)));
  }

  entrancesOf(plans: readonly WorkspacePlan[]): readonly Entrance[] {
    const allocated = allocatePortBlocks(this.#state, wantedBlocks(plans), {
      ...this.#options.range,
      size: BLOCK_SIZE,
      isFree: (firstPort) => !this.#taken.has(firstPort),
    });
    this.#state = { blocks: allocated.blocks, quarantine: allocated.quarantine };
    this.problems = allocated.problems.map(({ key, message }) => ({
      reason: 'PortsExhausted',
      message,
      object: key,
    }));
    return entrancesOf(plans, this.#state.blocks, this.#options.address);
  }

  /** Gives up those of the new blocks that another process has. True where entrancesOf() must be asked once more. */
  async giveUpTaken(): Promise<boolean> {
    const blocks = { ...this.#state.blocks };
    for (const [key, port] of Object.entries(blocks)) {
      const isNew = this.#saved.blocks[key] !== port;
      if (!isNew || (await isPortFree(this.#options.address, port))) continue;
      this.#taken.add(port);
      delete blocks[key];
    }
    const hasGivenUp = Object.keys(blocks).length < Object.keys(this.#state.blocks).length;
    this.#state = { ...this.#state, blocks };
    return hasGivenUp;
  }

  /** To be called before the ports are used, so that a crash does not forget them. */
  async save(): Promise<void> {
    this.#saved = this.#state;
    this.#taken.clear();
    await this.#options.files.writeFileAtomic(
      this.#options.path,
      `${JSON.stringify(this.#state, null, 2)}\n`,
    );
  }
}

function readState(text: string | undefined): PortBlockState {
  try {
    const state = JSON.parse(text ?? '') as Partial<PortBlockState>;
    const { blocks, quarantine } = state;
    return blocks instanceof Object && Array.isArray(quarantine) ? { blocks, quarantine } : noPortBlocks;
  } catch {
    return noPortBlocks;
  }
}
