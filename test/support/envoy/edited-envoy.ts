// Envoy alone, with what the product gave it, after a test has edited that: for what the product's own settings keep out of
// reach. In: a gateway, which is stopped for it. Out: the Envoy, to be stopped before the fixture is.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { envoyBinary } from '../../../operator/gateway/process/find-envoy.ts';
import { type StatePaths, statePaths } from '../../../operator/gateway/state/state-directory.ts';
import { EGRESS_ORDER } from '../../../operator/gateway/xds/delivery-order.ts';
import type { Resources } from '../../../operator/gateway/xds/resource-kind.ts';
import { XdsEnvoy } from '../../../operator/gateway/xds/xds-envoy.ts';
import { xdsSocketPath } from '../../../operator/render/envoy/ads.ts';
import type { Json } from '../../../operator/render/envoy/envoy-config.ts';
import type { GatewayFixture } from './gateway-fixture.ts';
import { resourcesInEnvoy } from './xds-fixture.ts';

/** A text of JSON -> the edited one, which must be another. */
type Edit = (text: string) => string;

export interface Edits {
  readonly bootstrap?: Edit;
  readonly listener?: Edit;
  readonly cluster?: Edit;
}

export async function startEditedEnvoy(fixture: GatewayFixture, edits: Edits): Promise<XdsEnvoy> {
  const { envoy: directory } = pathsOf(fixture);
  const resources = await resourcesInEnvoy(directory);
  await fixture.stopGateway();
  const bootstrap = JSON.parse(await readFile(join(directory, 'bootstrap.json'), 'utf8')) as Json;
  const envoy = new XdsEnvoy({
    directory,
    binary: await envoyBinary(process.env['PATH'] ?? ''),
    concurrency: 1,
    bootstrap: edited(bootstrap, edits.bootstrap),
    delivery: { socketPath: xdsSocketPath({ directory }), order: EGRESS_ORDER },
    onStart: () => undefined,
  });
  const { result } = await envoy.serve({
    ...resources,
    listener: editedAll(resources.listener, edits.listener),
    cluster: editedAll(resources.cluster, edits.cluster),
  });
  if (result.status !== 'applied') throw new Error(`Envoy did not accept it: ${JSON.stringify(result)}`);
  return envoy;
}

export function pathsOf(fixture: GatewayFixture): StatePaths {
  return statePaths(join(dirname(fixture.folder), 'state'));
}

function editedAll(resources: Resources['listener'], edit: Edit | undefined): Resources['listener'] {
  return edit === undefined ? resources : edited(resources, edit);
}

function edited<Value>(value: Value, edit: Edit | undefined): Value {
  if (edit === undefined) return value;
  const text = JSON.stringify(value);
  const changed = edit(text);
  if (changed === text) throw new Error('Nothing was edited');
  return JSON.parse(changed) as Value;
}
