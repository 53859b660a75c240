// The lines of one watch on their way from the API server to a client, and what a hostile network does to them.
// In: each line, with the disturbance that falls on it. Out: bytes to the client, or none, or the end.
import type { ServerResponse } from 'node:http';

export type Disturbance =
  /** Half of the line, then the connection is reset. */
  | { readonly how: 'reset' }
  /** Half of the line, then an orderly end. */
  | { readonly how: 'truncate' }
  /** The line and everything after it is swallowed; the connection stays. */
  | { readonly how: 'silence' }
  /** The line comes twice. */
  | { readonly how: 'duplicate' }
  /** The line comes, and after it once more the one before it. */
  | { readonly how: 'repeat-previous' }
  /** The line comes after the next one. */
  | { readonly how: 'reorder' }
  /** The line is lost. */
  | { readonly how: 'drop' }
  /** Instead of the line comes an ERROR event, then the end. */
  | { readonly how: 'error-event'; readonly code: number; readonly reason: string }
  /** The line, and all behind it, come later. */
  | { readonly how: 'delay'; readonly delayMs: number };

export class HostileStream {
  readonly #client: ServerResponse;
  readonly #disturbanceOf: (line: string) => Disturbance | undefined;
  #rest = '';
  #previous = '';
  #held = '';
  #isSilent = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(client: ServerResponse, disturbanceOf: (line: string) => Disturbance | undefined) {
    this.#client = client;
    this.#disturbanceOf = disturbanceOf;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#pass(`${line}\n`);
  }

  end(): void {
    this.#write(this.#released());
    this.#send(() => this.#client.end());
  }

  /** Nothing more is sent, not even the end. */
  silence(): void {
    this.#isSilent = true;
  }

  #send(action: () => void): void {
    this.#sending = this.#sending.then(() => {
      if (!this.#isSilent && !this.#client.destroyed) action();
    });
  }

  #write(...texts: readonly string[]): void {
    this.#send(() => {
      for (const text of texts) if (!this.#client.writableEnded) this.#client.write(text);
    });
  }

  #pass(line: string): void {
    const disturbance = this.#disturbanceOf(line);
    if (disturbance === undefined) this.#write(line, this.#released());
    else this.#disturb(line, disturbance);
    this.#previous = line;
  }

  #released(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #disturb(line: string, disturbance: Disturbance): void {
    const half = line.slice(0, line.length / 2);
    switch (disturbance.how) {
      case 'reset':
        return this.#send(() => this.#client.write(half, () => this.#client.destroy()));
      case 'truncate':
        return this.#send(() => this.#client.end(half));
      case 'silence':
        return this.#send(() => this.silence());
      case 'duplicate':
        return this.#write(line, line);
      case 'repeat-previous':
        return this.#write(line, this.#previous);
      case 'reorder':
        return this.#hold(line);
      case 'drop':
        return;
      case 'error-event':
        return this.#send(() => this.#client.end(errorEvent(disturbance)));
      case 'delay':
        this.#delay(disturbance.delayMs);
        return this.#write(line);
    }
  }

  #hold(line: string): void {
    if (this.#held !== '') this.#write(line, this.#released());
    else this.#held = line;
  }

  #delay(delayMs: number): void {
    this.#sending = this.#sending.then(() => new Promise((resolve) => setTimeout(resolve, delayMs)));
  }
}

function errorEvent({ code, reason }: { readonly code: number; readonly reason: string }): string {
  const object = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason };
  return `${JSON.stringify({ type: 'ERROR', object })}\n`;
}
