// For tests: a directory that a real Envoy can run in, and the smallest configuration that has every part
// (guard, cluster, route table, entrance). Requests to /always are answered 200 in every table.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnvoyConfig, NamedResource } from '../render/envoy/envoy-config.ts';
import type { AtomicFiles } from './atomic-files.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from './envoy-process.ts';
import { envoyBinary } from './find-envoy.ts';

export const emptyConfig: EnvoyConfig = { clusters: [], guards: [], entrances: [], routeTables: [] };

const type = 'type.googleapis.com/';

export interface EnvoyFixture {
  readonly directory: string;
  readonly options: EnvoyProcessOptions;
  /** A supervisor of this directory; stopped by remove(). */
  readonly supervisor: (more?: Partial<EnvoyProcessOptions>) => EnvoyProcess;
  readonly remove: () => Promise<void>;
}

/** `files` are the real ones, `path` is where to look for Envoy first. */
export async function envoyFixture(files: AtomicFiles, path: string | undefined): Promise<EnvoyFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-envoy-'));
  await writeFile(join(directory, 'bootstrap.json'), JSON.stringify(bootstrap(directory)));
  for (const name of ['lds', 'cds', 'rds', 'log']) {
    await mkdir(join(directory, name));
  }
  for (const name of ['lds/listeners', 'cds/clusters']) {
    await writeFile(join(directory, `${name}.json`), '{"version_info":"empty","resources":[]}');
  }
  const binary = await envoyBinary(path ?? '');
  const options = { directory, binary, files, concurrency: 1, firstBackoffMs: 1 };
  const supervisors: EnvoyProcess[] = [];
  const supervisor = (more: Partial<EnvoyProcessOptions> = {}): EnvoyProcess => {
    const made = new EnvoyProcess({ ...options, ...more });
    supervisors.push(made);
    return made;
  };
  const remove = async (): Promise<void> => {
    for (const made of supervisors) {
      await made.stop();
    }
    await rm(directory, { recursive: true, force: true });
  };
  return { directory, options, supervisor, remove };
}

/** `generation` changes the text without a change of meaning. */
export function guard(name: string, generation = 0): NamedResource {
  const tcpProxy = {
    '@type': `${type}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'guard',
    cluster: 'blackhole',
  };
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcpProxy }];
  const metadata = { filter_metadata: { generation: { generation } } };
  const body = { '@type': `${type}envoy.config.listener.v3.Listener`, name, internal_listener: {} };
  return { name, body: { ...body, filter_chains: [{ metadata, filters }] } };
}

/** A cluster that leads into the guard of the same name. */
export function guardCluster(name: string): NamedResource {
  const endpoint = { address: { envoy_internal_address: { server_listener_name: name } } };
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  const body = {
    '@type': `${type}envoy.config.cluster.v3.Cluster`,
    name,
    connect_timeout: '1s',
    load_assignment,
  };
  return { name, body };
}

/** Answers /always with the text; every other request goes to the cluster. */
export function routeTable(name: string, text: string, cluster: string, domains = ['*']): NamedResource {
  const always = {
    match: { path: '/always' },
    direct_response: { status: 200, body: { inline_string: text } },
  };
  const rest = { match: { prefix: '/' }, route: { cluster } };
  const virtual_hosts = [{ name: 'all', domains, routes: [always, rest] }];
  const body = { '@type': `${type}envoy.config.route.v3.RouteConfiguration`, name, virtual_hosts };
  return { name, body };
}

/** A listener whose requests the table answers; each request is one JSON line in log/access.log. */
export function entrance(directory: string, name: string, port: number, table: string): NamedResource {
  const rds = join(directory, 'rds');
  // Without watched_directory: with it, each rename makes Envoy read every table of the directory again.
  const path_config_source = { path: join(rds, `${table}.json`) };
  const json_format = { listener: name, path: '%REQ(:PATH)%', id: '%REQ(X-ID)%' };
  const fileLog = {
    '@type': `${type}envoy.extensions.access_loggers.file.v3.FileAccessLog`,
    path: join(directory, 'log/access.log'),
    log_format: { json_format },
  };
  const router = { '@type': `${type}envoy.extensions.filters.http.router.v3.Router` };
  const manager = {
    '@type': `${type}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'egress',
    rds: { route_config_name: table, config_source: { path_config_source } },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
    access_log: [{ name: 'envoy.access_loggers.file', typed_config: fileLog }],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const body = {
    '@type': `${type}envoy.config.listener.v3.Listener`,
    name,
    address,
    filter_chains: [{ filters }],
  };
  return { name, body };
}

/** Ports of 127.0.0.1 that nobody listens on at the moment, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Resolves with "<status> <body>", or with the error's code where the connection failed. */
export function ask(port: number, path = '/always', id = ''): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path, agent: false, headers: { 'x-id': id } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          resolve(`${response.statusCode} ${text}`);
        });
      },
    );
    asked.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    asked.end();
  });
}

/** Waits for the condition, asking again every few milliseconds; throws when it does not hold in time. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited ${limitMs} ms in vain until ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function bootstrap(directory: string): object {
  const watched = (folder: string, file: string) => {
    const path = join(directory, folder);
    return { path_config_source: { path: join(path, file), watched_directory: { path } } };
  };
  const internalListener = {
    '@type': `${type}envoy.extensions.bootstrap.internal_listener.v3.InternalListener`,
  };
  return {
    node: { id: 'test', cluster: 'test' },
    admin: { address: { pipe: { path: join(directory, 'admin.sock'), mode: 0o600 } } },
    bootstrap_extensions: [{ name: 'envoy.bootstrap.internal_listener', typed_config: internalListener }],
    dynamic_resources: {
      lds_config: watched('lds', 'listeners.json'),
      cds_config: watched('cds', 'clusters.json'),
    },
    static_resources: { clusters: [{ name: 'blackhole', type: 'STATIC', connect_timeout: '1s' }] },
  };
}
