// Where the gateway of a case comes from: `sallyport run` over a folder, or a cluster with an operator and an agent.
// The rows of a case hold on every stage.
import type { OutsideServers } from '../outside/outside-servers.ts';
import type { CaseFolder } from './case-folder.ts';
import type { CaseRow } from './case-rows.ts';

export interface Stage {
  /** Where the row's workload finds its proxy; null where no gateway is in the way. */
  proxyOf(row: CaseRow): ProxyPlace | null;
  /** Ends the gateway, Envoy first: so every line that it will ever write is among the denials that are returned. */
  finish(): Promise<readonly LoggedDenial[]>;
}

export interface ProxyPlace {
  readonly host: string;
  readonly port: number;
}

/** What a denial has of DENIAL_COLUMNS. */
export type LoggedDenial = Readonly<Record<string, unknown>>;

/** Resolves when everything of the case is in force; throws, with nothing left running, where it cannot be. */
export type StartStage = (found: CaseFolder, outside: OutsideServers) => Promise<Stage>;

/** What the rows of a case say about their denials. */
export const DENIAL_COLUMNS = [
  'workspace',
  'product',
  'policy',
  'network_source_type',
  'access_type',
  'reason',
  'destination',
  'port',
  'rule',
  'revision',
] as const;
