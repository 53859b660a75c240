// Objects that name the workspaces that they are for -> the same by workspace, in the order given.
import type { Metastore } from '../model/metastore.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';

export function byWorkspace<Item extends Metastore | PrivateEndpoint>(
  objects: readonly Item[],
): ReadonlyMap<string, readonly Item[]> {
  const found = new Map<string, Item[]>();
  for (const object of objects) {
    for (const workspace of new Set(object.spec.workspaces)) {
      const known = found.get(workspace);
      if (known === undefined) found.set(workspace, [object]);
      else known.push(object);
    }
  }
  return found;
}
