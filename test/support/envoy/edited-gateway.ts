// A gateway on a folder that a test edits: takes the steps, puts things in its way, and knows what should be in force.
// In: a running gateway. Out: what decide() says of a probe by the last good texts, and what the real Envoy answers.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Decision, decide } from '../../../operator/compile/decide.ts';
import { compileSnapshot } from '../../../operator/compile/plans.ts';
import { indexTable } from '../../../operator/compile/table-index.ts';
import type { StatePaths } from '../../../operator/gateway/state/state-directory.ts';
import type { ResourceKind } from '../../../operator/gateway/xds/resource-kind.ts';
import { mergeFiles, NOTHING_KNOWN } from '../../../operator/sources/last-good.ts';
import { parseYamlFile } from '../../../operator/sources/yaml-file.ts';
import { ask } from '../../outside/proxy-client.ts';
import { pathsOf } from './edited-envoy.ts';
import type { Client, GatewayFixture } from './gateway-fixture.ts';
import {
  type OddEntry,
  PRIVATE_NAME,
  type Probe,
  type Spoiling,
  type StateFile,
  type Step,
} from './random-steps.ts';
import { privateEndpointYaml, workspaceYaml } from './workspace-yaml.ts';

const run = promisify(execFile);
const ENDPOINT_FILE = 'endpoint.yaml';

export interface Expectation extends Pick<Decision, 'verdict' | 'reason'> {
  /** Of the plan; undefined where the workspace is gone. */
  readonly table: string | undefined;
}

export class EditedGateway {
  readonly #fixture: GatewayFixture;
  /** Last good text of each file that is there. */
  readonly #good = new Map<string, string>();
  readonly #foreign: Server[] = [];
  readonly #blocked: string[] = [];
  readonly #odd = new Set<string>();
  /** Where any workload ever came in. */
  readonly #places = new Map<string, Client['proxy']>();

  constructor(fixture: GatewayFixture, files: Readonly<Record<string, string>>) {
    this.#fixture = fixture;
    for (const [name, text] of Object.entries(files)) this.#good.set(name, text);
  }

  /** Resolves when the gateway has seen the step and done what it can. */
  async take(step: Step): Promise<void> {
    this.#rememberPlaces();
    await this.#change(step);
    await this.settle();
    this.#rememberPlaces();
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      await this.#fixture.gateway.refresh();
      if (!this.#fixture.heldBack.some((sentence) => /^Cannot (?:tell|learn)/.test(sentence))) return;
    }
  }

  async clearTheWay(): Promise<void> {
    await Promise.all(this.#foreign.splice(0).map((server) => once(server.close(), 'close')));
    for (const path of this.#blocked.splice(0)) await unblock(path);
    for (const name of this.#odd)
      await rm(join(this.#fixture.folder, name), { force: true, recursive: true });
    this.#odd.clear();
    for (const [name, text] of this.#good) await this.#put(name, text);
  }

  expected({ workspace, product, name, port, way }: Probe): Expectation {
    const files = [...this.#good].map(([file, text]) => [file, parseYamlFile(file, text)] as const);
    const { plans, tables } = compileSnapshot(mergeFiles(new Map(files), NOTHING_KNOWN).snapshot);
    const spec = plans.find(({ metadata }) => metadata.name === workspace)?.spec;
    const table = tables.find(({ metadata }) => metadata.name === spec?.table);
    const lane = spec?.products.find((entry) => entry.product === product)?.lane;
    if (table === undefined || lane === undefined) {
      return { verdict: 'DROP', reason: 'DESTINATION_NOT_ALLOWED', table: undefined };
    }
    const request =
      way === 'direct'
        ? ({ via: 'TLS', sni: name, port } as const)
        : ({ via: 'CONNECT', host: name, port, inside: { kind: 'TLS', sni: name } } as const);
    const { verdict, reason } = decide(indexTable(table.spec, Date.now()), lane, request);
    return { verdict, reason, table: table.metadata.name };
  }

  /** Whether the server answers; undefined where the workload has no way in that could be tried. */
  async reaches({ workspace, product, name, port, way }: Probe): Promise<boolean | undefined> {
    const found = this.#fixture.gateway.endpoints.workspaces.find((one) => one.workspace === workspace);
    const endpoint = found?.products.find((one) => one.product === product);
    const place = way === 'proxy' ? endpoint?.proxy : port === 443 ? endpoint?.tls : endpoint?.tlsPorts[port];
    if (place === undefined || place === null) return undefined;
    const { hostname: host, port: at } = new URL(way === 'proxy' ? place : `http://${place}`);
    return await this.#isAnswered({ host, port: Number(at) }, name, port, way);
  }

  /** Places at which some workload came in once, where it still reaches a name although it has no way in any more. */
  async leftOpen(name: string): Promise<readonly string[]> {
    const current = new Set(this.#currentPlaces().map(({ host, port }) => `${host}:${port}`));
    const former = [...this.#places].filter(([key]) => !current.has(key));
    const open: string[] = [];
    for (const [key, place] of former) {
      if (await this.#isAnswered(place, name, 443, 'proxy')) open.push(key);
    }
    return open;
  }

  async #isAnswered(place: Client['proxy'], name: string, port: number, way: Probe['way']): Promise<boolean> {
    const { caPem: ca } = this.#fixture.outside;
    const url = `https://${name}:${port}/`;
    const how = way === 'proxy' ? { proxy: place } : { address: place };
    return (await ask({ ...how, ca, url, timeoutMs: 8000 })).outcome === 'ok';
  }

  #currentPlaces(): readonly Client['proxy'][] {
    return this.#fixture.gateway.endpoints.workspaces.flatMap(({ products }) =>
      products.flatMap(({ proxy }) => {
        if (proxy === null) return [];
        const { hostname, port } = new URL(proxy);
        return [{ host: hostname, port: Number(port) }];
      }),
    );
  }

  #rememberPlaces(): void {
    for (const place of this.#currentPlaces()) this.#places.set(`${place.host}:${place.port}`, place);
  }

  async #change(step: Step): Promise<void> {
    switch (step.kind) {
      case 'write':
        return this.#write(`${step.workspace}.yaml`, workspaceYaml(step.workspace, step.access));
      case 'remove':
        return this.#remove(`${step.workspace}.yaml`);
      case 'spoil':
        return this.#spoil(`${step.workspace}.yaml`, step.how);
      case 'add odd entry':
        return this.#addOdd(step.how);
      case 'write private endpoint': {
        const { openRange } = this.#fixture.outside;
        const { workspaces, port } = step;
        const ports = [{ port, protocol: 'TLS' as const }];
        const spec = { domains: [PRIVATE_NAME], addressRanges: [openRange], workspaces, ports };
        return this.#write(ENDPOINT_FILE, privateEndpointYaml('db', spec));
      }
      case 'remove private endpoint':
        return this.#remove(ENDPOINT_FILE);
      case 'take port':
        return this.#takePort(step.workspace, step.product, step.offset);
      case 'block file':
        return this.#block(step.file, step.which);
      case 'clear the way':
        return this.clearTheWay();
    }
  }

  async #write(name: string, text: string): Promise<void> {
    this.#good.set(name, text);
    await this.#put(name, text);
  }

  /** As an editor does: whatever is there is replaced at once. */
  async #put(name: string, text: string): Promise<void> {
    const temporary = join(this.#fixture.folder, `.${name}.new`);
    await writeFile(temporary, text);
    await rename(temporary, join(this.#fixture.folder, name));
  }

  async #remove(name: string): Promise<void> {
    // A folder without any file counts as a mistake.
    if (this.#good.size === 1) return;
    this.#good.delete(name);
    await rm(join(this.#fixture.folder, name), { force: true });
  }

  async #spoil(name: string, how: Spoiling): Promise<void> {
    if (!this.#good.has(name)) return;
    const temporary = join(this.#fixture.folder, `.${name}.new`);
    if (how === 'no YAML') await writeFile(temporary, 'spec: [');
    if (how === 'no UTF-8') await writeFile(temporary, Buffer.from([0x61, 0x3a, 0x20, 0xff]));
    if (how === 'link to nowhere') await symlink('nowhere', temporary);
    if (how === 'unreadable') await symlink('/proc/self/mem', temporary);
    await rename(temporary, join(this.#fixture.folder, name));
  }

  async #addOdd(how: OddEntry): Promise<void> {
    const name = how === 'lock of an editor' ? '.#lab.yaml' : `odd-${how.replaceAll(' ', '-')}.yaml`;
    if (this.#odd.has(name)) return;
    this.#odd.add(name);
    const path = join(this.#fixture.folder, name);
    if (how === 'directory') await mkdir(path);
    if (how === 'pipe') await run('mkfifo', [path]);
    if (how === 'device') await symlink('/dev/zero', path);
    if (how === 'link to nowhere') await symlink('nowhere', path);
    if (how === 'lock of an editor') await symlink('user@host.1234:1700000000', path);
  }

  async #takePort(workspace: string, product: Probe['product'], offset: number): Promise<void> {
    const found = this.#fixture.gateway.endpoints.workspaces.find((one) => one.workspace === workspace);
    const proxy = found?.products.find((one) => one.product === product)?.proxy;
    if (proxy === undefined || proxy === null) return;
    const { hostname, port } = new URL(proxy);
    const server = createServer((socket) => socket.destroy());
    const isListening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ host: hostname, port: Number(port) + offset }, () => resolve(true));
    });
    if (isListening) this.#foreign.push(server);
  }

  async #block(file: StateFile, which: number): Promise<void> {
    const path = await this.#pathOf(file, which);
    if (path === undefined || this.#blocked.includes(path)) return;
    this.#blocked.push(path);
    await rename(path, `${path}.kept`).catch(() => undefined);
    await mkdir(path, { recursive: true });
  }

  async #pathOf(file: StateFile, which: number): Promise<string | undefined> {
    const paths = pathsOf(this.#fixture);
    const kind = KIND_OF[file];
    if (kind === undefined) return paths[file as keyof StatePaths];
    const folder = join(paths.envoy, 'resources', kind);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.binpb')).toSorted();
    const chosen = files[which % Math.max(1, files.length)];
    return chosen === undefined ? undefined : join(folder, chosen);
  }
}

/** Resources of Envoy, each in a file of its own. */
const KIND_OF: Readonly<Partial<Record<StateFile, ResourceKind>>> = {
  'a table': 'route',
  'a cluster': 'cluster',
  'a listener': 'listener',
};

/** What was there comes back, unless there is something newer. */
async function unblock(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
  await link(`${path}.kept`, path).catch(() => undefined);
  await rm(`${path}.kept`, { force: true });
}
