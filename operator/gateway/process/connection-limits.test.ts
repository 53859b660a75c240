import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import { limitsPath } from '../../render/envoy/connection-limits.ts';
import type { EgressListener, GatewaySettings } from '../../render/envoy/envoy-config.ts';
import { ConnectionLimits } from './connection-limits.ts';

let directory: string;
let settings: GatewaySettings;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-limits-'));
  settings = { ...GATEWAY_SETTINGS, directory, maxConnections: 1000 };
});
afterEach(() => rm(directory, { recursive: true }));

function listenersOf(...workspaces: readonly string[]): readonly EgressListener[] {
  return workspaces.map((workspace, at) => ({
    name: `${workspace}.enforced`,
    workspace,
    workspaceId: workspace,
    lane: 'enforced',
    networkPolicyId: 'lab',
    table: 'lab',
    address: '127.0.0.1',
    port: 10_000 + at * 8,
    tlsPorts: [],
  }));
}

function limitsNow(): Promise<string | undefined> {
  return readFile(limitsPath(settings), 'utf8').catch(() => undefined);
}

test('limits are written at the start, and when listeners come or go', async () => {
  const active = async () => new Map<string, number>();
  const limits = new ConnectionLimits({
    settings,
    active,
    onFailure: (error) => expect(error).toBeUndefined(),
  });
  await limits.serve([]);
  expect(await limitsNow()).toContain('"layer":{}');

  await limits.serve(listenersOf('a', 'b'));
  const written = await limitsNow();
  expect(written).toContain('proxy-a.enforced');

  await rm(limitsPath(settings));
  await limits.serve(listenersOf('a', 'b'));
  await limits.check();
  expect(await limitsNow()).toBeUndefined();

  await limits.serve(listenersOf('b', 'c'));
  expect(await limitsNow()).not.toContain('proxy-a.enforced');
  expect(await limitsNow()).toContain('proxy-c.enforced');

  await rm(limitsPath(settings));
  await limits.serve(listenersOf('b'));
  expect(await limitsNow()).not.toContain('proxy-c.enforced');
});
