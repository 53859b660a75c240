// The parent's side of denying-gateway-worker.ts: orders in, answers out.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeniedPod } from './denial-writer.ts';
import type { LagBuckets } from './lag.ts';

export interface GatewayPlace {
  readonly name: string;
  readonly pods: readonly DeniedPod[];
  /** The spools of all gateways are in folders of it. */
  readonly folder: string;
  readonly spoolBytes: number;
  readonly kubeconfig: string;
  readonly tokenFile: string;
  /** "https://127.0.0.1:40123" */
  readonly collector: string;
  readonly namespace: string;
}

export type GatewayOrder =
  | { readonly kind: 'write'; readonly perSecond: number; readonly seconds: number }
  | { readonly kind: 'drain' | 'state' | 'stop' };

export type GatewayAnswer =
  | { readonly kind: 'ready' | 'stopped' }
  | { readonly kind: 'written'; readonly asked: number }
  | { readonly kind: 'drained'; readonly lag: LagBuckets }
  | { readonly kind: 'state'; readonly spoolBytes: number };

type AnswerOf<Kind extends GatewayAnswer['kind']> = Extract<GatewayAnswer, { readonly kind: Kind }>;

const WORKER = fileURLToPath(new URL('./denying-gateway-worker.ts', import.meta.url));

export class DenyingGateway {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<GatewayAnswer['kind'], (answer: GatewayAnswer) => void>();
  readonly #failure = Promise.withResolvers<never>();

  private constructor(place: GatewayPlace) {
    this.name = place.name;
    this.#failure.promise.catch(() => undefined);
    this.#child = fork(WORKER, [JSON.stringify(place)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const log = createWriteStream(join(place.folder, `${place.name}.log`), { flags: 'a' });
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.#child.on('message', (answer: GatewayAnswer) => this.#waiting.get(answer.kind)?.(answer));
    this.#child.once('exit', () =>
      this.#failure.reject(new Error(`Gateway "${place.name}" has ended: read "${log.path.toString()}"`)),
    );
  }

  /** Resolves when it ships. */
  static async start(place: GatewayPlace): Promise<DenyingGateway> {
    const gateway = new DenyingGateway(place);
    await gateway.#answer('ready');
    return gateway;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves to how many denials it has written in all. */
  async write(perSecond: number, seconds: number): Promise<number> {
    return (await this.#order({ kind: 'write', perSecond, seconds }, 'written')).asked;
  }

  /** Resolves when the collector has acknowledged everything, with the lag of what was written last. */
  async drain(): Promise<LagBuckets> {
    return (await this.#order({ kind: 'drain' }, 'drained')).lag;
  }

  async spoolBytes(): Promise<number> {
    return (await this.#order({ kind: 'state' }, 'state')).spoolBytes;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    await this.#order({ kind: 'stop' }, 'stopped').catch(() => undefined);
    await ended;
  }

  #order<Kind extends GatewayAnswer['kind']>(order: GatewayOrder, kind: Kind): Promise<AnswerOf<Kind>> {
    const answer = this.#answer(kind);
    this.#child.send(order);
    return answer;
  }

  #answer<Kind extends GatewayAnswer['kind']>(kind: Kind): Promise<AnswerOf<Kind>> {
    const answered = new Promise<GatewayAnswer>((resolve) => this.#waiting.set(kind, resolve));
    return Promise.race([answered, this.#failure.promise]) as Promise<AnswerOf<Kind>>;
  }
}
