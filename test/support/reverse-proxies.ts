// Real reverse proxies with the very lines of docs/authorize.md: nginx, Envoy, HAProxy, and Traefik where it is there.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { until } from './until.ts';

export interface ProxyPorts {
  /** Where it listens. */
  readonly proxy: number;
  readonly server: number;
  readonly authorize: number;
}

export interface ReverseProxy {
  readonly name: string;
  /** Whether it is on this machine. */
  readonly isThere: boolean;
  /** Writes its files and returns its command. */
  readonly prepare: (folder: string, ports: ProxyPorts) => Promise<readonly string[]>;
}

const PAGE = new URL('../../docs/authorize.md', import.meta.url);

/** The blocks of a language that begin with `mark`, with the addresses of the test. */
async function linesOf(language: string, mark: string, { server, authorize }: ProxyPorts): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const blocks = page.matchAll(/^```(\w+)\n(.*?)^```$/gms);
  const found = [...blocks].filter(([, of, text]) => of === language && text?.startsWith(mark));
  if (found.length !== 1) throw new Error(`docs/authorize.md has ${found.length} blocks for "${mark}"`);
  return (found[0]?.[2] ?? '')
    .replaceAll('127.0.0.1:9180', `127.0.0.1:${authorize}`)
    .replaceAll('port_value: 9180', `port_value: ${authorize}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${server}`);
}

/** Where Debian has those that only root may start. */
const PATH = `${process.env['PATH']}:/usr/sbin`;

function isCommand(name: string): boolean {
  return spawnSync('which', [name], { env: { ...process.env, PATH } }).status === 0;
}

async function nginx(folder: string, ports: ProxyPorts): Promise<readonly string[]> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  const text = `
    pid ${folder}/nginx.pid; worker_processes 1; error_log ${folder}/error.log; daemon off; master_process off;
    events { worker_connections 256; }
    http {
      access_log off; ${temporary}
      server { listen 127.0.0.1:${ports.proxy};\n${await linesOf('nginx', 'location /', ports)}\n}
    }`;
  await writeFile(join(folder, 'nginx.conf'), text);
  return ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
}

async function haproxy(folder: string, ports: ProxyPorts): Promise<readonly string[]> {
  await writeFile(join(folder, 'sallyport.lua'), await linesOf('lua', '-- sallyport.lua', ports));
  const loading = await linesOf('haproxy', 'lua-load', ports);
  const text = `
global
  ${loading.replace('sallyport.lua', join(folder, 'sallyport.lua'))}
defaults
  mode http
  timeout client 5s
  timeout connect 2s
  timeout server 5s
frontend in
  bind 127.0.0.1:${ports.proxy}
${await linesOf('haproxy', 'http-request', ports)}
  default_backend server
backend server
  server one 127.0.0.1:${ports.server}
`;
  await writeFile(join(folder, 'haproxy.cfg'), text);
  return ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')];
}

async function traefik(folder: string, ports: ProxyPorts): Promise<readonly string[]> {
  const dynamic = load(await linesOf('yaml', '# Traefik', ports)) as { http: object };
  const http = {
    ...dynamic.http,
    routers: { all: { rule: 'PathPrefix(`/`)', service: 'server', middlewares: ['sallyport'] } },
    services: { server: { loadBalancer: { servers: [{ url: `http://127.0.0.1:${ports.server}` }] } } },
  };
  await writeFile(join(folder, 'dynamic.yaml'), dump({ http }));
  const entry = { web: { address: `127.0.0.1:${ports.proxy}` } };
  const file = { filename: join(folder, 'dynamic.yaml') };
  const checks = { checkNewVersion: false, sendAnonymousUsage: false };
  await writeFile(
    join(folder, 'traefik.yaml'),
    dump({ global: checks, entryPoints: entry, providers: { file } }),
  );
  return ['traefik', `--configFile=${join(folder, 'traefik.yaml')}`];
}

async function envoy(folder: string, ports: ProxyPorts): Promise<readonly string[]> {
  const filter = load(await linesOf('yaml', '# Envoy: an HTTP filter', ports));
  const sallyport = load(await linesOf('yaml', '# Envoy: a cluster', ports));
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const server = {
    name: 'server',
    type: 'STATIC',
    load_assignment: {
      cluster_name: 'server',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports.server) } }] }],
    },
  };
  const manager = {
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'in',
    use_remote_address: true,
    http_filters: [filter, { name: 'router', typed_config: { '@type': type('http.router.v3.Router') } }],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'server' } }] },
      ],
    },
  };
  const chain = { filters: [{ name: 'manager', typed_config: manager }] };
  const listener = { address: address(ports.proxy), filter_chains: [chain] };
  const config = { static_resources: { listeners: [listener], clusters: [server, sallyport] } };
  await writeFile(join(folder, 'envoy.yaml'), dump(config, { noRefs: true }));
  return [
    'envoy',
    '-c',
    join(folder, 'envoy.yaml'),
    '--use-dynamic-base-id',
    '-l',
    'error',
    '--concurrency',
    '1',
  ];
}

export const REVERSE_PROXIES: readonly ReverseProxy[] = [
  { name: 'nginx', isThere: isCommand('nginx'), prepare: nginx },
  { name: 'Envoy', isThere: true, prepare: envoy },
  { name: 'HAProxy', isThere: isCommand('haproxy'), prepare: haproxy },
  { name: 'Traefik', isThere: isCommand('traefik'), prepare: traefik },
];

/** Resolves when it listens; call what it returns to end it. */
export async function startProxy(
  { prepare }: ReverseProxy,
  folder: string,
  ports: ProxyPorts,
): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const [command = '', ...parameters] = await prepare(folder, ports);
  const child = spawn(command, parameters, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    env: { ...process.env, PATH },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += String(bytes)));
  await until('the proxy listens', async () => {
    if (child.exitCode !== null) throw new Error(`${command} exited: ${output}`);
    return isOpen(ports.proxy);
  });
  return () => endOf(child);
}

async function endOf(child: ChildProcess): Promise<void> {
  const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve();
  child.kill('SIGKILL');
  await exited;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isConnected = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return isConnected;
}
