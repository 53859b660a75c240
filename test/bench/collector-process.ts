// `sallyport collector` as a process of its own on a fixed port, so that it can be killed and started again, and its
// memory and CPU time are measured alone.
import { freePorts } from '../support/free-ports.ts';
import { HighWater } from './high-water.ts';
import { cpuSeconds } from './process-usage.ts';
import { RoleProcess } from './role-process.ts';

export interface CollectorPlace {
  readonly kubeconfig: string;
  readonly state: string;
  readonly logFile: string;
}

export class BenchedCollector {
  readonly #place: CollectorPlace;
  readonly port: number;
  readonly #memory: HighWater;
  #running: RoleProcess | undefined;
  /** Of those that have ended. */
  #cpuSeconds = 0;

  private constructor(place: CollectorPlace, port: number) {
    this.#place = place;
    this.port = port;
    this.#memory = HighWater.start(() => this.#running?.pid ?? 0);
  }

  static async start(place: CollectorPlace): Promise<BenchedCollector> {
    const [port = 0] = await freePorts(1);
    const collector = new BenchedCollector(place, port);
    await collector.start();
    return collector;
  }

  async start(): Promise<void> {
    const { kubeconfig, state, logFile } = this.#place;
    this.#running = await RoleProcess.start({
      ...{ role: 'collector', podName: 'collector', logFile },
      options: [
        ...['--kubeconfig', kubeconfig, '--state', state, '--retention-size', '100GB'],
        ...['--listen-address', '127.0.0.1', '--port', String(this.port)],
      ],
    });
  }

  /** In good order. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** In good order, and for good. */
  async close(): Promise<void> {
    this.#memory.stop();
    await this.stop();
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Of all its processes so far. */
  async cpuSeconds(): Promise<number> {
    return this.#cpuSeconds + (this.#running === undefined ? 0 : await cpuSeconds(this.#running.pid));
  }

  /** The most that was resident at once, until now. */
  get highestMb(): number {
    return this.#memory.highestMb;
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#cpuSeconds = await this.cpuSeconds();
    const running = this.#running;
    this.#running = undefined;
    await running?.end(signal);
  }
}
