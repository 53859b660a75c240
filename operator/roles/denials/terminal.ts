// Where a command writes, as far as its texts depend on it.
export interface Terminal {
  /** Resolves when there is room for more. */
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => void;
  readonly colour: boolean;
  /** Absent where nobody looks, such as in a pipe: then nothing is shortened. */
  readonly width?: number;
}
