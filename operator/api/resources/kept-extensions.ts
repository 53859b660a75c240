// What Databricks' API does not have of a policy, and a client that reads and replaces one cannot send back: it stays
// where the new policy leaves it out. Losing a port would close a destination, losing an expiry would open it for ever.
import { isObject } from './rest-names.ts';

type Fields = Readonly<Record<string, unknown>>;

const OF_ENTRY = ['ports', 'sharedZone', 'expiresAt', 'reason'];
const LISTS = ['allowedInternetDestinations', 'blockedInternetDestinations'];

/** Both are specs of a NetworkPolicy. */
export function keepExtensions(before: unknown, wanted: unknown): unknown {
  if (!isObject(wanted) || !isObject(wanted['egress'])) return wanted;
  const { staleWorkloads, egress: formerEgress } = fieldsOf(before);
  const [former, egress] = [fieldsOf(formerEgress), wanted['egress']];
  const kept = former['clusterAccess'] === undefined ? {} : { clusterAccess: former['clusterAccess'] };
  const access = keepInAccess(fieldsOf(former['networkAccess']), egress['networkAccess']);
  const stale = staleWorkloads === undefined ? {} : { staleWorkloads };
  return { ...stale, ...wanted, egress: { ...kept, ...egress, networkAccess: access } };
}

function keepInAccess(former: Fields, access: unknown): unknown {
  if (!isObject(access)) return access;
  const lists = LISTS.filter((name) => Array.isArray(access[name])).map((name) => [
    name,
    keepInList(former[name], access[name]),
  ]);
  const enforcement = access['policyEnforcement'];
  const { mlBuildEnforcement } = fieldsOf(former['policyEnforcement']);
  const kept =
    isObject(enforcement) && mlBuildEnforcement !== undefined
      ? { policyEnforcement: { mlBuildEnforcement, ...enforcement } }
      : {};
  return { ...access, ...Object.fromEntries(lists), ...kept };
}

/** Of several entries with one name the first belongs to the first. */
function keepInList(former: unknown, entries: unknown): unknown {
  const waiting = Map.groupBy(Array.isArray(former) ? former : [], (entry) => fieldsOf(entry)['destination']);
  return (entries as readonly unknown[]).map((entry) => {
    const found = isObject(entry) ? fieldsOf(waiting.get(entry['destination'])?.shift()) : {};
    const kept = OF_ENTRY.filter((name) => found[name] !== undefined).map((name) => [name, found[name]]);
    return isObject(entry) ? { ...Object.fromEntries(kept), ...entry } : entry;
  });
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}
