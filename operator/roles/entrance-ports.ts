// Remembers which loopback ports belong to which workspace and product, so that addresses in scripts stay right
// across restarts. Blocks are allocated by the pure allocator; this keeps its state in a file.
import { type AtomicFiles } from '../gateway/atomic-files.ts';
import { allocatePortBlocks, noPortBlocks, type PortBlockState } from '../gateway/port-blocks.ts';
import type { Problem } from '../model/problem.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import type { Entrance } from '../render/envoy/envoy-config.ts';
import { entrancesOf, wantedBlocks } from './entrances.ts';

const BLOCK_SIZE = 8;

export interface EntrancePortsOptions {
  readonly path: string;
  readonly address: string;
  readonly range: { readonly from: number; readonly to: number };
  readonly files: AtomicFiles;
}

export class EntrancePorts {
  readonly #options: EntrancePortsOptions;
  #state: PortBlockState;
  /** Of the last call of entrancesOf(). */
  problems: readonly Problem[] = [];

  private constructor(options: EntrancePortsOptions, state: PortBlockState) {
    this.#options = options;
    this.#state = state;
  }

  /** A file that is missing or unreadable means that no block is remembered. */
  static async open(options: EntrancePortsOptions): Promise<EntrancePorts> {
    return new EntrancePorts(options, readState(await options.files.readIfExists(options.path)));
  }

  entrancesOf(plans: readonly WorkspacePlan[]): readonly Entrance[] {
    const allocated = allocatePortBlocks(this.#state, wantedBlocks(plans), {
      ...this.#options.range,
      size: BLOCK_SIZE,
    });
    this.#state = { blocks: allocated.blocks, quarantine: allocated.quarantine };
    this.problems = allocated.problems.map(({ key, message }) => ({
      reason: 'PortsExhausted',
      message,
      object: key,
    }));
    return entrancesOf(plans, this.#state.blocks, this.#options.address);
  }

  /** To be called before the ports are used, so that a crash does not forget them. */
  async save(): Promise<void> {
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
    return typeof blocks === 'object' && Array.isArray(quarantine) ? { blocks, quarantine } : noPortBlocks;
  } catch {
    return noPortBlocks;
  }
}
