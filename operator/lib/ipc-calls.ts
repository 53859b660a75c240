// Calls between a process and a child of its own, both ways, over Node's IPC channel. A call that can no longer be
// answered rejects; with a time limit of the caller, no call waits for ever.
export type CallHandlers = Readonly<Record<string, (argument: unknown) => unknown>>;

/** A ChildProcess in the parent, `process` in the child. */
export interface IpcPort {
  send?(message: object, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

type Message =
  | { readonly call: string; readonly id: number; readonly argument: unknown }
  | { readonly answer: number; readonly value?: unknown; readonly error?: string };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class IpcCalls {
  readonly #port: IpcPort;
  readonly #handlers: CallHandlers;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isClosed = false;

  constructor(port: IpcPort, handlers: CallHandlers) {
    this.#port = port;
    this.#handlers = handlers;
    port.on('message', (message) => void this.#receive(message as Message));
    port.once('disconnect', () => this.#close());
  }

  /** The other side is gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves with the result of the other side's handler of this name; rejects with its error, or when the other side
   * is gone.
   */
  call(name: string, argument?: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(goneError(name));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ call: name, id, argument });
    });
  }

  /** As call(), without an answer. */
  notify(name: string, argument?: unknown): void {
    this.call(name, argument).catch(() => undefined);
  }

  async #receive(message: Message): Promise<void> {
    if ('answer' in message) return this.#settle(message);
    const { call, id, argument } = message;
    try {
      this.#send({ answer: id, value: await this.#handlers[call]?.(argument) });
    } catch (error) {
      this.#send({ answer: id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #settle({ answer, value, error }: Extract<Message, { answer: number }>): void {
    const pending = this.#pending.get(answer);
    this.#pending.delete(answer);
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(new Error(error));
  }

  /** Calls that cannot be sent are rejected by the disconnection that follows. */
  #send(message: Message): void {
    if (!this.#isClosed) this.#port.send?.(message, () => undefined);
  }

  #close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#pending.values()) reject(goneError());
    this.#pending.clear();
  }
}

function goneError(name?: string): Error {
  return new Error(
    `Cannot ${name === undefined ? 'wait for an answer' : `call "${name}"`}: the process is gone`,
  );
}
