// What may happen to a pool of gateways, one step after the other, on what is there at that moment: to a pod, to its
// agent, to a plan or to a slice.
import type { Lane } from '../../../operator/model/lane.ts';
import type { PoolScene } from './pool-scene.ts';

export type PoolStep =
  | { readonly what: 'add'; readonly address: number; readonly isDual: boolean; readonly isReady: boolean }
  | { readonly what: 'ready'; readonly at: number; readonly isReady: boolean }
  | { readonly what: 'readdress'; readonly at: number; readonly address: number }
  | { readonly what: 'delete' | 'remove' | 'start' | 'crash' | 'drain'; readonly at: number }
  | { readonly what: 'plan'; readonly at: number; readonly lanes: readonly Lane[] }
  | { readonly what: 'delete slice' | 'change slice'; readonly at: number };

const MAX_PODS = 5;
const WORKSPACES = ['team', 'lab', 'shop'];

export class PoolHistory {
  readonly #scene: PoolScene;
  /** Of the names of its pods. */
  readonly #prefix: string;
  #added = 0;

  constructor(scene: PoolScene, prefix: string) {
    this.#scene = scene;
    this.#prefix = prefix;
  }

  /** Does nothing where there is nothing to which it could happen. */
  async take(step: PoolStep): Promise<void> {
    if (step.what === 'add') return this.#add(step);
    if (step.what === 'plan') return this.#plan(step);
    if (step.what === 'delete slice' || step.what === 'change slice') return this.#tamper(step);
    const names = [...this.#scene.pods.keys()];
    const pod = names[step.at % names.length];
    if (pod === undefined) return;
    if (step.what === 'ready') return this.#scene.setPod(pod, { isReady: step.isReady });
    if (step.what === 'readdress') return this.#scene.setPod(pod, { addresses: [`10.2.0.${step.address}`] });
    return this.#happens(step.what, pod);
  }

  /** A pod that stays, with an agent: somebody must be able to write. */
  async haveAgent(): Promise<void> {
    const { pods, agents } = this.#scene;
    if (agents.some((name) => pods.get(name)?.isLeaving === false)) return;
    await this.#scene.startAgent(await this.#addPod(['10.3.0.1'], true));
  }

  async end(): Promise<void> {
    for (const name of this.#scene.agents) await this.#scene.kill(name);
    for (const name of [...this.#scene.pods.keys()]) await this.#scene.removePod(name);
  }

  async #add({ address, isDual, isReady }: Extract<PoolStep, { what: 'add' }>): Promise<void> {
    if (this.#scene.pods.size >= MAX_PODS) return;
    await this.#addPod([`10.1.0.${address}`, ...(isDual ? [`fd00::${address}`] : [])], isReady);
  }

  async #addPod(addresses: readonly string[], isReady: boolean): Promise<string> {
    this.#added += 1;
    const name = `${this.#prefix}-${this.#added}`;
    await this.#scene.addPod(name, addresses, isReady);
    return name;
  }

  async #happens(what: 'delete' | 'remove' | 'start' | 'crash' | 'drain', pod: string): Promise<void> {
    const scene = this.#scene;
    const isRunning = scene.agents.includes(pod);
    const isLeaving = scene.pods.get(pod)?.isLeaving === true;
    if (what === 'remove') return this.#remove(pod);
    if (what === 'crash') return this.#crash(pod);
    if (what === 'start') return isRunning || isLeaving ? undefined : scene.startAgent(pod);
    if (!isLeaving) await scene.deletePod(pod);
    if (what === 'drain' && isRunning) await scene.release(pod);
  }

  async #remove(pod: string): Promise<void> {
    await this.#scene.removePod(pod);
    await this.#scene.kill(pod);
  }

  async #crash(pod: string): Promise<void> {
    if (!this.#scene.agents.includes(pod)) return;
    await this.#scene.kill(pod);
    await this.#scene.startAgent(pod);
  }

  async #plan({ at, lanes }: Extract<PoolStep, { what: 'plan' }>): Promise<void> {
    const workspace = WORKSPACES[at % WORKSPACES.length] ?? '';
    const first = 9000 + (at % 100) * 24;
    const ports = Object.fromEntries(lanes.map((lane, index) => [lane, first + index * 8]));
    if (lanes.length > 0) return this.#scene.setPlan(workspace, ports);
    if (this.#scene.plans.has(workspace)) await this.#scene.removePlan(workspace);
  }

  /** It may be gone by then. */
  async #tamper({ what, at }: Extract<PoolStep, { what: 'delete slice' | 'change slice' }>): Promise<void> {
    const names = Object.keys(await this.#scene.stored());
    const name = names[at % names.length];
    if (name === undefined) return;
    const change = { endpoints: [{ addresses: [name.endsWith('4') ? '192.0.2.1' : 'fd00::ff'] }] };
    const done =
      what === 'delete slice' ? this.#scene.deleteSlice(name) : this.#scene.changeSlice(name, change);
    await done.catch(() => undefined);
  }
}
