// A running gateway, what a probe asks of it all the time, and what may happen to both. In: faults. Out: what the probe
// counted, by fault.
import type { EnvoyPidFile } from '../../operator/gateway/process/envoy-pid-file.ts';
import { isRunning, signalProcess } from '../../operator/gateway/process/process-identity.ts';
import { ask } from '../outside/proxy-client.ts';
import {
  FaultProbe,
  PATIENCE_MS,
  type Reached,
  STALL_MS,
  type Watched,
} from '../support/envoy/fault-probe.ts';
import { FaultTable } from '../support/envoy/fault-table.ts';
import { ASKED, isAllowed, NAMES, textOf } from '../support/envoy/fault-world.ts';
import { until } from '../support/until.ts';
import type { Command } from './command-line.ts';
import { READY, Scene } from './scene.ts';

/** SIGUSR2 turns the clock of the process an hour on, SIGPWR two hours back. */
const JUMPING_CLOCK = `data:text/javascript,${encodeURIComponent(
  'let o=0;const n=Date.now;Date.now=()=>n()+o;process.on("SIGUSR2",()=>{o+=36e5});process.on("SIGPWR",()=>{o-=72e5});',
)}`;

interface Asked extends Watched {
  /** By CONNECT, or as TLS to the port that stands for the server's. */
  readonly way: 'proxy' | 'direct';
  readonly place: Readonly<{ host: string; port: number }>;
}

export class FaultScene {
  readonly scene: Scene;
  readonly probe: FaultProbe<Asked>;
  readonly #table = new FaultTable();
  agent: Command;
  #edition = 0;
  #stoppedAtMs = 0;

  private constructor(scene: Scene, agent: Command, probe: FaultProbe<Asked>) {
    this.scene = scene;
    this.agent = agent;
    this.probe = probe;
  }

  /** `prepare` is called before anything runs. */
  static async open(prepare: (scene: Scene) => Promise<void> = async () => undefined): Promise<FaultScene> {
    const scene = await Scene.open(NAMES, { 'all.yaml': textOf(0) });
    await prepare(scene);
    const agent = await started(scene);
    const probe = new FaultProbe(await watched(scene), (asked) => reach(asked, scene.outside.caPem));
    probe.want(({ name }) => isAllowed(0, name));
    await probe.settled();
    return new FaultScene(scene, agent, probe);
  }

  async start(): Promise<void> {
    this.agent = await started(this.scene);
  }

  /** A revocation and an addition in every workspace, one that is new, one that is gone. */
  async change(): Promise<void> {
    this.#edition += 1;
    this.probe.want(({ name }) => isAllowed(this.#edition, name));
    await this.scene.write('all.yaml', textOf(this.#edition));
  }

  async envoy(): Promise<EnvoyPidFile> {
    const identity = await this.scene.envoy();
    if (identity === undefined) throw new Error('No Envoy runs');
    return identity;
  }

  async signalEnvoy(signal: NodeJS.Signals): Promise<void> {
    const identity = await this.envoy();
    if (signal === 'SIGKILL') this.probe.envoyDies();
    if (signal === 'SIGSTOP') this.#stoppedAtMs = performance.now();
    const isLong = performance.now() - this.#stoppedAtMs > STALL_MS;
    if (signal === 'SIGCONT' && isLong) this.probe.envoyStoodStill();
    await signalProcess(identity, signal);
    if (signal !== 'SIGKILL') return;
    await until('Envoy is gone', async () => !(await isRunning(identity)));
    this.probe.envoyDied();
  }

  async killBoth(): Promise<void> {
    await Promise.all([this.agent.end('SIGKILL'), this.signalEnvoy('SIGKILL')]);
  }

  /** Everything is in force, and so it is after one more change with nothing in its way. */
  async recovered(fault: string): Promise<void> {
    await this.probe.settled();
    await this.change();
    await this.probe.settled();
    this.#table.add(fault, this.probe.take());
    expect(this.probe.faults).toEqual([]);
  }

  /** `isPrinted`: the table, too. */
  async remove(isPrinted: boolean): Promise<void> {
    await this.probe.stop();
    await this.scene.remove();
    if (isPrinted) process.stderr.write(this.#table.text);
  }
}

async function started(scene: Scene): Promise<Command> {
  const agent = scene.run([], { NODE_OPTIONS: `--import "${JUMPING_CLOCK}"` });
  await agent.says(READY);
  return agent;
}

async function reach({ name, way, place }: Asked, ca: string): Promise<Reached> {
  const how = way === 'proxy' ? { proxy: place } : { address: place };
  const result = await ask({ ...how, ca, url: `https://${name}/`, timeoutMs: PATIENCE_MS });
  const { outcome, reason, error, proxyStatus } = result;
  return { isReached: outcome === 'ok', why: `${outcome} ${reason ?? error ?? proxyStatus}` };
}

async function watched(scene: Scene): Promise<readonly Asked[]> {
  const { workspaces } = await scene.endpoints();
  const placeOf = (url: string): Asked['place'] => {
    const { hostname: host, port } = new URL(url);
    return { host, port: Number(port) };
  };
  return workspaces
    .filter(({ workspace }) => ASKED.includes(workspace))
    .flatMap(({ workspace, products }) => {
      const { proxy = null, tls = null } = products.find(({ product }) => product === 'JOBS') ?? {};
      return NAMES.flatMap((name) => [
        { name, workspace, way: 'proxy' as const, place: placeOf(`${proxy}`) },
        { name, workspace, way: 'direct' as const, place: placeOf(`http://${tls}`) },
      ]);
    });
}
