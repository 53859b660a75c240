// Reads what the other side of a socket says, piece by piece, without losing a byte.
// In: a connected socket. Out: promises of bytes. An end or an error of the socket rejects the promise that waits.
import type { Duplex } from 'node:stream';

export class ByteReader {
  readonly #socket: Duplex;
  #pending: Buffer = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#ended = socket.destroyed || socket.readableEnded;
    socket
      .on('readable', this.#onReadable)
      .on('end', this.#onEnd)
      .on('close', this.#onEnd)
      .on('error', this.#onError);
  }

  /** Everything up to and including the delimiter, as Latin-1 text. */
  async readThrough(delimiter: string): Promise<string> {
    let index = this.#pending.indexOf(delimiter);
    while (index < 0) {
      await this.#more();
      index = this.#pending.indexOf(delimiter);
    }
    return this.#take(index + delimiter.length).toString('latin1');
  }

  async readExactly(length: number): Promise<Buffer> {
    while (this.#pending.length < length) await this.#more();
    return this.#take(length);
  }

  /** What is there, at least one byte. */
  async readSome(): Promise<Buffer> {
    if (this.#pending.length === 0) await this.#more();
    return this.#take(this.#pending.length);
  }

  /** Everything until the other side ends; an error of the socket still rejects. */
  async readToEnd(): Promise<Buffer> {
    while (!this.#ended) await this.#more().catch(() => undefined);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#take(this.#pending.length);
  }

  /** Gives the socket back, with the bytes that nobody has read yet. */
  release(): void {
    const socket = this.#socket;
    socket
      .off('readable', this.#onReadable)
      .off('end', this.#onEnd)
      .off('close', this.#onEnd)
      .off('error', this.#onError);
    if (this.#pending.length > 0) socket.unshift(this.#take(this.#pending.length));
  }

  #take(length: number): Buffer {
    const taken = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return taken;
  }

  // Resolves when #pending has grown.
  async #more(): Promise<void> {
    const before = this.#pending.length;
    while (this.#pending.length === before) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) throw new ConnectionEnded();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  readonly #onReadable = (): void => {
    for (let chunk = this.#socket.read(); chunk !== null; chunk = this.#socket.read()) {
      this.#pending = Buffer.concat([this.#pending, chunk as Buffer]);
    }
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake();
  };

  readonly #onError = (error: Error): void => {
    this.#failure = error;
    this.#ended = true;
    this.#wake();
  };
}

/** The other side closed in good order, but earlier than its protocol allows. */
class ConnectionEnded extends Error {
  readonly code = 'ENDED';

  constructor() {
    super('The connection was closed before the answer was complete');
  }
}
