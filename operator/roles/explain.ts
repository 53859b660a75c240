// `sallyport explain`: what would happen to one connection, and why, from the same code that runs; no Envoy needed.
import { decide, formatRule } from '../compile/decide.ts';
import { compileWorld } from '../compile/plans.ts';
import { indexTable } from '../compile/table-index.ts';
import { formatProblem, type Problem } from '../model/problem.ts';
import { isDryRun, type Product } from '../model/product.ts';
import { REASONS } from '../model/reason.ts';
import { FolderSource } from '../sources/folder.ts';

export interface ExplainRequest {
  readonly folder: string;
  readonly workspace: string;
  readonly product: Product;
  readonly destination: Destination;
  /** Epoch milliseconds at which the connection is made. */
  readonly atMs: number;
}

export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly via: 'CONNECT' | 'HTTP';
}

export type Explanation =
  | { readonly error: string; readonly problems: readonly Problem[] }
  | { readonly allowed: boolean; readonly lines: readonly (readonly [string, string])[]; readonly problems: readonly Problem[] };

const HTTP_PORT = 80;
const TLS_PORT = 443;

/** "host", "host:port", "https://host[:port]" or "http://host[:port]"; without a scheme, port 80 means plain HTTP. */
export function parseDestination(text: string): Destination | undefined {
  const [, scheme, host, port] = /^(?:(https?):\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return undefined;
  const number = port === undefined ? (scheme === 'http' ? HTTP_PORT : TLS_PORT) : Number(port);
  const isHttp = scheme === 'http' || (scheme === undefined && number === HTTP_PORT);
  return { host, port: number, via: isHttp ? 'HTTP' : 'CONNECT' };
}

export async function explain(request: ExplainRequest): Promise<Explanation> {
  const source = new FolderSource(request.folder, () => undefined);
  const { snapshot, problems } = await source.read();
  source.close();
  const world = compileWorld(snapshot);
  const allProblems = [...problems, ...world.problems];
  const plan = world.plans.find(
    ({ metadata, spec }) => metadata.name === request.workspace || spec.workspaceId === request.workspace,
  );
  const table = world.tables.find(({ metadata }) => metadata.name === plan?.spec.table);
  const lane = plan?.spec.products.find(({ product }) => product === request.product)?.lane;
  if (plan === undefined || table === undefined || lane === undefined) {
    return { error: noWorkspace(request, world.plans.map(({ metadata }) => metadata.name)), problems: allProblems };
  }
  const { host, port, via } = request.destination;
  const inside = { kind: 'TLS', sni: host } as const;
  const decision = decide(
    indexTable(table.spec, request.atMs),
    lane,
    via === 'HTTP' ? { via, host, port } : { via, host, port, inside },
  );
  return {
    allowed: decision.verdict !== 'DROP',
    problems: allProblems,
    lines: [
      ['Workspace', `${plan.metadata.name} (${plan.spec.workspaceId})`],
      ['Product', request.product],
      ['Policy', plan.spec.networkPolicyId],
      ['Lane', lane === 'full' ? 'full (no gateway)' : `${lane}${isDryRun(lane) ? ' (logs, denies nothing)' : ''}`],
      ['Destination', `${host}:${port} ${via === 'HTTP' ? 'plain HTTP' : 'through CONNECT'}`],
      ['Verdict', decision.verdict],
      ['Reason', `${decision.reason}: ${REASONS[decision.reason]}`],
      ['Rule', decision.rule === undefined ? '-' : formatRule(decision.rule)],
      ['Revision', table.spec.revision],
    ],
  };
}

function noWorkspace(request: ExplainRequest, names: readonly string[]): string {
  const known = names.length === 0 ? 'the folder has none' : `the folder has ${names.map((name) => `"${name}"`).join(', ')}`;
  return `Cannot find workspace "${request.workspace}" in "${request.folder}": ${known}`;
}

/** Text of an explanation for a terminal. */
export function formatExplanation(explanation: Explanation): string {
  const problems = explanation.problems.map((problem) => `Problem      ${formatProblem(problem)}\n`).join('');
  if ('error' in explanation) return `${explanation.error}\n${problems}`;
  const width = 13;
  return explanation.lines.map(([label, text]) => `${label.padEnd(width)}${text}\n`).join('') + problems;
}
