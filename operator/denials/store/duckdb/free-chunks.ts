// Chunks that DuckDB has handed over -> freed while more are read. The library frees one once JavaScript's garbage collector
// has found that nobody has it. That does not know how large it is, and would come after a gigabyte of them: where a query
// picks few rows of many, each chunk has a few rows in the memory of 2048.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';

/** So many may be waiting. */
const MOST_CHUNKS = 32;

type CollectGarbage = (options: { readonly type: 'minor' }) => void;

// A function of the contexts that are made from then on.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as CollectGarbage;

const TAKEN = { chunks: 0 };

/** Called for each chunk, of any result. Half a millisecond, every so many. */
export function chunkTaken(): void {
  TAKEN.chunks += 1;
  // They are young, so only those are looked through.
  if (TAKEN.chunks % MOST_CHUNKS === 0) collectGarbage({ type: 'minor' });
}

type Chunks = Pick<Awaited<ReturnType<DuckDBConnection['stream']>>, 'fetchChunk'>;

export async function passChunks(result: Chunks, take: (chunk: DuckDBDataChunk) => void): Promise<void> {
  for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
    if (chunk.rowCount === 0) return;
    take(chunk);
    chunkTaken();
  }
}
