// What in a pod's spec goes past its lane, as CEL: the same list of texts as openingsOf() of model/pod-openings.ts. A
// volume must be of a known kind and a capability a known one, so what is new in Kubernetes is denied.
import {
  CONTAINER_LISTS,
  HARMLESS_CAPABILITIES,
  HOOKS,
  HOST_NAMESPACES,
  LOCAL_VOLUMES,
  PROBE_ACTIONS,
  PROBES,
} from '../../model/pod-openings.ts';
import { celList, celText } from './cel.ts';

/** Of `object` or `oldObject`. */
export function openings(object: 'object' | 'oldObject'): string {
  const spec = `${object}.spec`;
  const namespaces = HOST_NAMESPACES.map(
    (field) => `(${spec}.?${field}.orValue(false) ? [${celText(field)}] : [])`,
  );
  const lists = CONTAINER_LISTS.map((list) => containerOpenings(`${spec}.?${list}.orValue([])`));
  return [...namespaces, volumeOpenings(`${spec}.?volumes.orValue([])`), ...lists].join(' +\n');
}

/** A field that this API server does not know cannot be there; dyn() lets an expression list those that are. */
function volumeOpenings(volumes: string): string {
  const kinds = `dyn(v).filter(k, k != 'name')`;
  const isLocal = `size(dyn(v)) > 1 && ${kinds}.all(k, k in ${celList(LOCAL_VOLUMES)})`;
  return `${volumes}.filter(v, !(${isLocal})).map(v, 'volume "' + v.name + '" of kind "' + ${kinds}.map(k, string(k)).join(', ') + '"')`;
}

export function containerOpenings(containers: string): string {
  const of = `' of container "' + c.name + '"'`;
  const privileged = `(c.?securityContext.?privileged.orValue(false) ? ['privileged container "' + c.name + '"'] : [])`;
  const capabilities = `c.?securityContext.?capabilities.?add.orValue([]).filter(a, !(a in ${celList(HARMLESS_CAPABILITIES)})).map(a, 'capability "' + string(a) + '"' + ${of})`;
  const handlers = `(${celList(PROBES)}.map(p, dyn(c)[?p]) + ${celList(HOOKS)}.map(h, dyn(c).?lifecycle[?h]))`;
  const hasHost = `${handlers}.exists(h, ${celList(PROBE_ACTIONS)}.exists(a, h[?a].?host.orValue('') != ''))`;
  const hosts = `(${hasHost} ? ['a host in probes or hooks' + ${of}] : [])`;
  return `${containers}.map(c, ${privileged} + ${capabilities} + ${hosts}).flatten()`;
}
