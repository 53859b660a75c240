// Configuration of the quickstart: the product's own defaults, with the stand-in outside servers as its network, and
// free ports, so that nothing on this machine is in its way.
import { type RunConfig, readRunConfig } from '../../operator/config.ts';
import type { OutsideServers } from '../../test/outside/outside-servers.ts';
import { freePorts } from '../../test/support/free-ports.ts';

export async function quickstartConfig(
  folder: string,
  state: string,
  outside: OutsideServers,
): Promise<RunConfig> {
  const [apiPort, ingressHttpPort, ingressHttpsPort] = (await freePorts(3)).map(String);
  const options = {
    state,
    listenAddress: '127.0.0.1',
    ports: '10000-31999',
    resolver: [outside.resolver],
    openRange: [outside.openRange],
    denyRange: [],
    maxConnections: '4096',
    accountId: 'local',
    apiWorkspace: 'analytics',
    ...(apiPort === undefined ? {} : { apiPort }),
    ...(ingressHttpPort === undefined ? {} : { ingressHttpPort }),
    ...(ingressHttpsPort === undefined ? {} : { ingressHttpsPort }),
  };
  return readRunConfig(folder, options, process.env);
}
