// All resources of one Envoy as bytes. In slices, so that nothing else is held up: thousands take seconds the first time.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import { encodeResource } from './codec.ts';
import type { WantedResource } from './resource-book.ts';
import { forEachKind, RESOURCE_KINDS, type ResourceKind, type Resources } from './resource-kind.ts';

const LONGEST_SLICE_MS = 20;

/** By kind and name. */
export async function encodeResources(
  resources: Resources,
): Promise<Readonly<Record<ResourceKind, ReadonlyMap<string, WantedResource>>>> {
  const wanted = forEachKind(() => new Map<string, WantedResource>());
  let sliceEndsMs = performance.now() + LONGEST_SLICE_MS;
  for (const kind of RESOURCE_KINDS) {
    for (const resource of resources[kind]) {
      wanted[kind].set(resource.name, wantedOf(resource));
      if (performance.now() < sliceEndsMs) continue;
      await yieldToEventLoop();
      sliceEndsMs = performance.now() + LONGEST_SLICE_MS;
    }
  }
  return wanted;
}

function wantedOf(resource: NamedResource): WantedResource {
  try {
    return { encoded: encodeResource(resource), resource };
  } catch (error) {
    return { encoded: undefined, fault: (error as Error).message, resource };
  }
}
