// Configuration of the quickstart: the product's own defaults, with the stand-in outside world as the outside.
import { type RunConfig, readRunConfig } from '../../operator/config.ts';
import type { OutsideWorld } from '../../test/outside/outside-world.ts';

export function quickstartConfig(state: string, world: OutsideWorld): RunConfig {
  const options = {
    state,
    listenAddress: '127.0.0.1',
    ports: '10000-31999',
    resolver: [world.resolver],
    openRange: [world.openRange],
    denyRange: [],
    maxConnections: '4096',
    accountId: 'local',
  };
  return readRunConfig(`${import.meta.dirname}/../acme`, options, process.env);
}
