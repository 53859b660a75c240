// Stores the memory of open tunnels in a file, so that a restarted process neither closes tunnels that are still
// allowed nor misses those that were revoked while it was down.
import { z } from 'zod';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { memoize } from '../../lib/memo.ts';
import { PORT_PROTOCOLS } from '../../model/network-policy.ts';
import { NO_TUNNELS, type TableMemory, type TunnelMemory } from '../../render/envoy/tunnel-memory.ts';

const ports = z.array(z.strictObject({ port: z.int(), protocol: z.enum(PORT_PROTOCOLS) }));
const namesSchema = z.strictObject({
  class: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('blocked') }),
    z.strictObject({
      kind: z.literal('allowed'),
      commonPorts: ports,
      internetPorts: ports,
      addressRanges: z.array(z.string()),
    }),
  ]),
  patterns: z.array(z.string()),
});
const memorySchema = z.strictObject({
  tables: z.record(
    z.string(),
    z.strictObject({
      classes: z.array(namesSchema),
      shards: z.int().positive(),
      left: z.array(namesSchema.extend({ shards: z.int().positive(), untilMs: z.number() })),
    }),
  ),
  revocations: z.int(),
  revoked: z.record(z.string(), z.int()),
  generations: z.record(z.string(), z.int()),
});

export class TunnelFile {
  readonly #path: string;
  #memory: TunnelMemory;
  #problem: string | undefined;

  private constructor(path: string, memory: TunnelMemory) {
    this.#path = path;
    this.#memory = memory;
  }

  /** An unreadable file counts as empty. */
  static async open(path: string): Promise<TunnelFile> {
    return new TunnelFile(path, readMemory(await readIfExists(path)));
  }

  get memory(): TunnelMemory {
    return this.#memory;
  }

  /** Why the file does not hold the last memory. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Before a configuration is applied: after a crash its tunnels are known, and revoked ones are closed. A file
   * that cannot be written holds back no removal; it is tried again with the next call.
   */
  async keep(memory: TunnelMemory): Promise<void> {
    if (memory === this.#memory && this.#problem === undefined) return;
    this.#memory = memory;
    this.#problem = await writeOrSay(this.#path, `${textOf(memory)}\n`);
  }
}

/** Serialises only the changed ones of hundreds of tables. */
const tableText = memoize((table: TableMemory) => JSON.stringify(table));

function textOf({ tables, ...rest }: TunnelMemory): string {
  const texts = Object.entries(tables).map(([name, table]) => `${JSON.stringify(name)}:${tableText(table)}`);
  return `{"tables":{${texts.join()}},${JSON.stringify(rest).slice(1)}`;
}

function readMemory(text: string | undefined): TunnelMemory {
  try {
    return memorySchema.parse(JSON.parse(text ?? ''));
  } catch {
    return NO_TUNNELS;
  }
}
