// Where a command writes, as far as its texts depend on it.
import type { Readable } from 'node:stream';

export interface Terminal {
  /** Resolves when there is room for more. */
  readonly out: (text: string) => Promise<void>;
  /** Of a file, to what is no terminal. Rejects where it is cut off. */
  readonly bytes: (stream: Readable) => Promise<void>;
  readonly err: (text: string) => void;
  readonly colour: boolean;
  /** Absent where nobody looks, such as in a pipe: then nothing is shortened. */
  readonly width?: number;
}
