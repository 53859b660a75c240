// Denials that an entry would end -> the entries: one for each name or bucket, with the ports that were asked for.
import type { Decision } from '../decide.ts';
import { type DeniedTraffic, type Evidence, sumEvidence } from './denied-traffic.ts';
import {
  ASSUMED_PORT,
  askedPort,
  bucketEntry,
  internetEntries,
  type PortEntry,
  type SuggestedDestination,
} from './entry-of-host.ts';
import { mergeHosts } from './merge-hosts.ts';

export type AddedEntry = SuggestedDestination & {
  readonly evidence: Evidence;
  /** What was asked for, where the entry is a wildcard. */
  readonly hosts: readonly string[];
  /** What nobody saw. */
  readonly assumed?: 'PORT' | 'TLS';
  /** For what an enforced policy denied. */
  readonly isDenied?: boolean;
};

export interface Wanted {
  readonly traffic: DeniedTraffic;
  readonly need: Need;
}

/** What one denial would need; those of one name become one entry. */
export type Need =
  | Extract<SuggestedDestination, { list: 'allowedStorageDestinations' }>
  | {
      readonly list: 'allowedInternetDestinations';
      readonly host: string;
      readonly port: PortEntry | undefined;
    };

export function needOf(traffic: DeniedTraffic, { reason }: Decision): Need {
  const { destination, port } = traffic;
  const asked = askedPort(traffic);
  const storage = bucketEntry(destination, reason, asked);
  if (storage !== undefined) return { list: 'allowedStorageDestinations', destination: storage };
  return {
    list: 'allowedInternetDestinations',
    host: destination,
    port: port === null ? undefined : asked,
  };
}

export function entriesOf(
  wanted: readonly Wanted[],
  wildcardZones: readonly string[],
): readonly AddedEntry[] {
  const storage = wanted.flatMap(({ need, traffic }) =>
    need.list === 'allowedStorageDestinations' ? [{ need, traffic }] : [],
  );
  const byPlace = Map.groupBy(storage, ({ need }) => JSON.stringify(need.destination));
  const internet = wanted.flatMap(({ need, traffic }) =>
    need.list === 'allowedInternetDestinations' ? [{ need, traffic }] : [],
  );
  const byHost = Map.groupBy(internet, ({ need }) => need.host);
  const entries = [...byHost].flatMap(([host, some]) => {
    const ports = some.flatMap(({ need }) => need.port ?? []);
    return internetEntries(host, ports.length === 0 ? [ASSUMED_PORT] : ports);
  });
  return [
    ...mergeHosts(entries, wildcardZones).map(({ entry, hosts }) => {
      const asked = hosts.flatMap((host) => byHost.get(host) ?? []).map(({ traffic }) => traffic);
      return {
        ...{ list: 'allowedInternetDestinations' as const, destination: entry, hosts },
        ...{ evidence: sumEvidence(asked.map(({ evidence }) => evidence)), ...assumptionOf(asked) },
      };
    }),
    ...[...byPlace.values()].flatMap((some) =>
      some.slice(0, 1).map(({ need }) => ({
        ...{ ...need, hosts: [...new Set(some.map(({ traffic }) => traffic.destination))] },
        evidence: sumEvidence(some.map(({ traffic }) => traffic.evidence)),
      })),
    ),
  ];
}

function assumptionOf(asked: readonly DeniedTraffic[]): Pick<AddedEntry, 'assumed'> {
  const connections = asked.filter(({ port }) => port !== null);
  if (connections.length === 0) return { assumed: 'PORT' };
  const isUnseen = connections.some(({ port, protocol }) => protocol === null && port !== ASSUMED_PORT.port);
  return isUnseen ? { assumed: 'TLS' } : {};
}
