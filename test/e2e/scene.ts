// What a user of `sallyport run` has around it: a folder of YAML, a state directory, and outside servers.
// In: files by name and the names that exist outside. Out: places, commands, and requests of workloads.
// remove() ends every command that was started here, and its Envoy.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoints } from '../../operator/gateway/ports/product-listeners.ts';
import { readPidFile } from '../../operator/gateway/process/envoy-pid-file.ts';
import { isRunning, signalProcess } from '../../operator/gateway/process/process-identity.ts';
import { type StatePaths, statePaths } from '../../operator/gateway/state/state-directory.ts';
import { readIfExists, writeFileAtomic } from '../../operator/lib/atomic-file.ts';
import type { Product } from '../../operator/model/product.ts';
import type { AskResult } from '../outside/ask-result.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { ask } from '../outside/proxy-client.ts';
import type { SmallDisk } from '../support/small-disk.ts';
import { type Command, startSallyport } from './command-line.ts';

type Files = Readonly<Record<string, string>>;

/** Says that everything has started. */
export const READY = /Stop with Ctrl-C/;

export class Scene {
  readonly outside: OutsideServers;
  readonly directory: string;
  readonly #commands: Command[] = [];
  readonly #states = new Set<string>();
  /** Where commands run, and have their state; undefined: where the test does. */
  disk: Pick<SmallDisk, 'prefix' | 'seen'> | undefined;

  private constructor(outside: OutsideServers, directory: string) {
    this.outside = outside;
    this.directory = directory;
  }

  static async open(names: readonly string[], files: Files): Promise<Scene> {
    const outside = await startOutsideServers({ names: names.map((name) => ({ name })) });
    const scene = new Scene(outside, await mkdtemp(join(tmpdir(), 'sallyport-')));
    await mkdir(scene.folder);
    for (const [name, text] of Object.entries(files)) await scene.write(name, text);
    return scene;
  }

  get folder(): string {
    return join(this.directory, 'folder');
  }

  /** A state directory of this scene; another name is another one. */
  state(name = 'state'): string {
    const path = join(this.directory, name);
    this.#states.add(path);
    return path;
  }

  /** As an editor does that writes a new file and renames it. */
  write(name: string, text: string): Promise<unknown> {
    return writeFileAtomic(join(this.folder, name), text);
  }

  /** `sallyport run` on the folder; `options` come last, so that they win. */
  run(options: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Command {
    const { resolver, openRange, listenAddress } = this.outside;
    const outsideOptions = [
      '--resolver',
      resolver,
      '--open-range',
      openRange,
      '--listen-address',
      listenAddress,
    ];
    const defaults = [
      this.folder,
      '--state',
      this.state(),
      '--concurrency',
      '1',
      '--api-port',
      '0',
      ...outsideOptions,
    ];
    const command = startSallyport(['run', ...defaults, ...options], environment, this.disk?.prefix);
    this.#commands.push(command);
    return command;
  }

  /** As run(), and everything is ready. */
  async running(options: readonly string[] = []): Promise<Command> {
    const command = this.run(options);
    await command.says(READY);
    return command;
  }

  async endpoints(state = this.state()): Promise<Endpoints> {
    return JSON.parse(await readFile(this.seen(state).endpoints, 'utf8')) as Endpoints;
  }

  /** Every proxy of a state directory. */
  async proxies(state = this.state()): Promise<readonly string[]> {
    const { workspaces } = await this.endpoints(state);
    return workspaces.flatMap(({ products }) => products.flatMap(({ proxy }) => proxy ?? []));
  }

  /** Throws where the product has no egress listener. */
  async proxy(
    workspace: string,
    product: Product,
  ): Promise<{ readonly host: string; readonly port: number }> {
    const found = (await this.endpoints()).workspaces.find((one) => one.workspace === workspace);
    const { hostname, port } = new URL(found?.products.find((one) => one.product === product)?.proxy ?? '');
    return { host: hostname, port: Number(port) };
  }

  /** What a workload gets that asks for the URL. */
  async asks(url: string, workspace: string, product: Product = 'JOBS'): Promise<AskResult> {
    return ask({ proxy: await this.proxy(workspace, product), ca: this.outside.caPem, url });
  }

  /** The Envoy of a state directory, or undefined where none runs. */
  async envoy(state = this.state()) {
    return await envoyIn(this.seen(state).envoy);
  }

  /** Files of a state directory, for the test. */
  seen(state = this.state()): StatePaths {
    return statePaths(this.disk?.seen(state) ?? state);
  }

  async remove(): Promise<void> {
    await Promise.all(this.#commands.map((command) => command.end('SIGKILL')));
    for (const state of this.#states) {
      const { envoy, ingressEnvoy } = this.seen(state);
      for (const directory of [envoy, ingressEnvoy]) {
        const identity = await envoyIn(directory);
        if (identity !== undefined) await signalProcess(identity, 'SIGKILL');
      }
    }
    await this.outside.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The Envoy of a directory, or undefined where none runs. */
async function envoyIn(directory: string) {
  const files = { readIfExists, writeFileAtomic };
  const identity = await readPidFile(files, join(directory, 'envoy.json'));
  return identity !== undefined && (await isRunning(identity)) ? identity : undefined;
}

/** Writes a program of this name into a new folder below the scene's, for a PATH; answers the folder. */
export async function fakeProgram(scene: Scene, name: string, script: string): Promise<string> {
  const folder = await mkdtemp(join(scene.directory, 'bin-'));
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return folder;
}
