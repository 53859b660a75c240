// A real Envoy that takes its resources from an XdsApplier; both can be restarted. In: resources. Out: the versions that
// Envoy says it runs, by kind and name.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvoyProcess } from '../../../operator/gateway/process/envoy-process.ts';
import { envoyBinary } from '../../../operator/gateway/process/find-envoy.ts';
import { encodeResource } from '../../../operator/gateway/xds/codec.ts';
import { INGRESS_ORDER } from '../../../operator/gateway/xds/delivery-order.ts';
import {
  forEachKind,
  type ResourceKind,
  type Resources,
} from '../../../operator/gateway/xds/resource-kind.ts';
import { XdsApplier, type XdsApplierOptions } from '../../../operator/gateway/xds/xds-applier.ts';
import * as atomicFiles from '../../../operator/lib/atomic-file.ts';
import { xdsSocketPath } from '../../../operator/render/envoy/ads.ts';
import type { Json } from '../../../operator/render/envoy/envoy-config.ts';
import { renderIngressBootstrap } from '../../../operator/render/envoy/ingress/ingress-bootstrap.ts';
import { until } from '../until.ts';

/** By kind: version by name. */
export type Versions = Readonly<Record<ResourceKind, Readonly<Record<string, string>>>>;

export class XdsFixture {
  readonly directory: string;
  readonly envoy: EnvoyProcess;
  readonly #more: Partial<XdsApplierOptions>;
  applier: XdsApplier;

  private constructor(directory: string, envoy: EnvoyProcess, more: Partial<XdsApplierOptions>) {
    this.directory = directory;
    this.envoy = envoy;
    this.#more = more;
    this.applier = this.#newApplier();
  }

  /** Nothing runs yet; start Envoy once the applier serves. */
  static async make(
    more: Partial<XdsApplierOptions> = {},
    maxConnectionsPerListener = 1000,
  ): Promise<XdsFixture> {
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-xds-'));
    const limits = { maxConnections: 1000, maxConnectionsPerListener, envoyMemoryBytes: 512 * 1024 * 1024 };
    const settings = { directory, ...limits };
    await writeFile(join(directory, 'bootstrap.json'), JSON.stringify(renderIngressBootstrap(settings)));
    await mkdir(join(directory, 'log'));
    const binary = await envoyBinary(process.env['PATH'] ?? '');
    const options = { directory, binary, files: atomicFiles, concurrency: 1, firstBackoffMs: 1 };
    return new XdsFixture(directory, new EnvoyProcess(options), { drainMs: 0, ...more });
  }

  async remove(): Promise<void> {
    await this.applier.close();
    await this.envoy.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Another process takes over; returns whether it knew what to serve. */
  async restartApplier(): Promise<boolean> {
    await this.applier.close();
    this.applier = this.#newApplier();
    return await this.applier.serveRemembered();
  }

  /** Resolves when the next Envoy has started, but for its resources. */
  async killEnvoy(): Promise<void> {
    const { pid } = this.envoy;
    if (pid === undefined) throw new Error('No Envoy runs');
    process.kill(pid, 'SIGKILL');
    await until('Envoy is gone', () => this.envoy.pid === undefined);
  }

  versions(): Promise<Versions> {
    return versionsInEnvoy(this.directory);
  }

  #newApplier(): XdsApplier {
    return new XdsApplier({
      socketPath: xdsSocketPath(this),
      directory: join(this.directory, 'resources'),
      admin: {
        warming: () => this.envoy.admin.warming(),
        listenerNames: () => this.envoy.admin.listenerNames(),
      },
      isRunning: () => this.envoy.pid !== undefined,
      order: INGRESS_ORDER,
      ...this.#more,
    });
  }
}

/** Versions of what the Envoy of a directory runs. */
export async function versionsInEnvoy(directory: string): Promise<Versions> {
  const versions = forEachKind((): Record<string, string> => ({}));
  for (const config of await configDump(directory)) {
    for (const [kind, body] of entriesOf(config))
      versions[kind][body.name] = encodeResource({ name: body.name, body }).version;
    for (const { name, version_info: version } of config.dynamic_active_secrets ?? [])
      versions.secret[name] = version;
  }
  return versions;
}

/** What the Envoy of a directory runs; secrets are not shown. */
export async function resourcesInEnvoy(directory: string): Promise<Resources> {
  const entries = (await configDump(directory)).flatMap(entriesOf);
  return forEachKind((wanted) =>
    entries.filter(([kind]) => kind === wanted).map(([, body]) => ({ name: body.name, body })),
  );
}

function configDump(directory: string): Promise<readonly Dump[]> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(directory, 'admin.sock'), path: '/config_dump' }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve((JSON.parse(text) as { readonly configs: readonly Dump[] }).configs));
    });
    asked.on('error', reject).end();
  });
}

type NamedJson = Json & { readonly name: string };

interface Dump {
  readonly dynamic_active_clusters?: readonly { readonly cluster: NamedJson }[];
  readonly dynamic_active_secrets?: readonly { readonly version_info: string; readonly name: string }[];
  readonly dynamic_route_configs?: readonly { readonly route_config: NamedJson }[];
  readonly dynamic_scoped_route_configs?: readonly { readonly scoped_route_configs?: readonly NamedJson[] }[];
  readonly dynamic_listeners?: readonly { readonly active_state?: { readonly listener: NamedJson } }[];
}

/** By content: a listener that was updated in place keeps the version that it was made with. */
function entriesOf(dump: Dump): readonly (readonly [ResourceKind, NamedJson])[] {
  const { dynamic_active_clusters: clusters = [], dynamic_route_configs: routes = [] } = dump;
  const { dynamic_listeners: listeners = [], dynamic_scoped_route_configs: scopes = [] } = dump;
  return [
    ...clusters.map(({ cluster }) => ['cluster', cluster] as const),
    ...routes.map((one) => ['route', one.route_config] as const),
    ...scopes.flatMap(({ scoped_route_configs: all = [] }) => all.map((scope) => ['scope', scope] as const)),
    ...listeners.flatMap(({ active_state: active }) =>
      active === undefined ? [] : [['listener', active.listener] as const],
    ),
  ];
}
