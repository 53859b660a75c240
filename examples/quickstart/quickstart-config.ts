// Configuration of the quickstart: the product's own defaults, with the stand-in outside servers as its network.
import { type RunConfig, readRunConfig } from '../../operator/config.ts';
import type { OutsideServers } from '../../test/outside/outside-servers.ts';

export function quickstartConfig(state: string, outside: OutsideServers): RunConfig {
  const options = {
    state,
    listenAddress: '127.0.0.1',
    ports: '10000-31999',
    resolver: [outside.resolver],
    openRange: [outside.openRange],
    denyRange: [],
    maxConnections: '4096',
    accountId: 'local',
    apiPort: '0',
  };
  return readRunConfig(`${import.meta.dirname}/../acme`, options, process.env);
}
