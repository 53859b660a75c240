// What `sallyport run` shows: progress, the table of workspaces, problems, and denials as they come.
// Plain text where the stream is no terminal.
import { styleText } from 'node:util';
import type { IngressEndpoint } from '../../gateway/ingress/ingress-endpoints.ts';
import type { Endpoints, ProductEndpoint } from '../../gateway/ports/product-listeners.ts';
import { formatTable } from '../../lib/text-table.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { formatProblem, type Problem } from '../../model/problem.ts';
import type { Product } from '../../model/product.ts';
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import { enforcementOf, type WorkspacePlan } from '../../model/workspace-plan.ts';
import type { ShownDenials } from '../denial-log/calls.ts';

export interface RunView {
  progress(text: string): void;
  workspaces(plans: readonly WorkspacePlan[], endpoints: Endpoints): void;
  /** Where the hosts of workspaces are listened for. */
  ingress(endpoints: readonly IngressEndpoint[]): void;
  /** Those that are new, and all that there are now. */
  problems(added: readonly Problem[], all: readonly Problem[]): void;
  /** Sentences about parts that are not in force; none once all are again. */
  heldBack(sentences: readonly string[]): void;
  /** How many denials per second it shows; the rest is only counted. */
  readonly denialsPerSecond: number;
  denials(shown: ShownDenials): void;
  inboundDenials(shown: ShownDenials<InboundDenial>): void;
  /** An outside failure; the process continues. */
  failure(text: string): void;
}

export const SILENT_VIEW: RunView = {
  progress: () => undefined,
  workspaces: () => undefined,
  ingress: () => undefined,
  problems: () => undefined,
  heldBack: () => undefined,
  denialsPerSecond: 0,
  denials: () => undefined,
  inboundDenials: () => undefined,
  failure: () => undefined,
};

const HELD_BACK = 'Part of the configuration is not in force, retrying:';

type Style = Parameters<typeof styleText>[0];

/** `denialsCommand`: shows what this view does not. */
export function terminalView(
  out: NodeJS.WriteStream,
  errors: NodeJS.WriteStream,
  denialsCommand: string,
): RunView {
  const paint = (style: Style, text: string): string => styleText(style, text, { stream: out });
  const write = (text: string): void => void out.write(`${text}\n`);
  const progress = (text: string): void => write(paint('dim', text));
  const failure = (text: string): void =>
    void errors.write(`${styleText('red', 'Failure', { stream: errors })}  ${text}\n`);
  return {
    progress,
    workspaces: (plans, endpoints) =>
      write(`\n${workspaceTable(plans, endpoints, (text) => paint('bold', text))}`),
    ingress: (endpoints) => {
      if (endpoints.length > 0) write(`\n${ingressTable(endpoints, (text) => paint('bold', text))}`);
    },
    problems: (problems) => {
      for (const problem of problems) write(`${paint('yellow', 'Problem')}  ${formatProblem(problem)}`);
    },
    heldBack: (sentences) => {
      if (sentences.length === 0) progress('Everything is in force');
      else failure([HELD_BACK, ...sentences].join('\n'));
    },
    denialsPerSecond: 50,
    denials: ({ denials, further }) => {
      for (const denial of denials) write(denialLine(denial, paint));
      if (further > 0)
        write(paint('dim', `${further} further denials in this second, to be seen with: ${denialsCommand}`));
    },
    inboundDenials: ({ denials, further }) => {
      for (const denial of denials) write(inboundLine(denial, paint));
      if (further > 0)
        write(
          paint(
            'dim',
            `${further} further denials in this second, to be seen with: ${denialsCommand} --inbound`,
          ),
        );
    },
    failure,
  };
}

const NO_WORKSPACES = `No workspaces: put a Namespace with label "${WORKSPACE_LABEL}" into the folder`;

/** One row per product; the workspace is named in the first of its rows. */
function workspaceTable(
  plans: readonly WorkspacePlan[],
  endpoints: Endpoints,
  heading: (text: string) => string,
): string {
  if (plans.length === 0) return NO_WORKSPACES;
  const rows = endpoints.workspaces.flatMap((workspace, at) => {
    const plan = plans[at];
    const first = [
      workspace.workspace,
      workspace.workspaceId,
      workspace.networkPolicyId,
      plan === undefined ? '' : enforcementOf(plan),
    ];
    return workspace.products.map((endpoint, row) => [
      ...(row === 0 ? first : ['', '', '', '']),
      ...productCells(endpoint),
    ]);
  });
  const headings = ['WORKSPACE', 'ID', 'POLICY', 'ENFORCEMENT', 'PRODUCT', 'LANE', 'PROXY'];
  const [head = '', ...lines] = formatTable([headings, ...rows]);
  return [heading(head), ...lines].join('\n');
}

function ingressTable(endpoints: readonly IngressEndpoint[], heading: (text: string) => string): string {
  const rows = endpoints.map(({ workspace, host, http, https }) => [
    workspace,
    host,
    http ?? 'none',
    https ?? 'none',
  ]);
  const [head = '', ...lines] = formatTable([['WORKSPACE', 'HOST', 'HTTP', 'TLS'], ...rows]);
  return [heading(head), ...lines].join('\n');
}

function productCells({ product, lane, proxy }: ProductEndpoint): readonly [Product, string, string] {
  return [product, lane, proxy ?? (lane === 'full' ? 'direct' : 'none')];
}

function denialLine(denial: Denial, paint: (style: Style, text: string) => string): string {
  const verdict = paint(denial.accessType === 'DROP' ? 'red' : 'yellow', denial.accessType.padEnd(14));
  const place = denial.port === null ? denial.destination : `${denial.destination}:${denial.port}`;
  const detail = [denial.rule, denial.sni === null ? null : `SNI ${denial.sni}`]
    .filter((text) => text !== null)
    .join(', ');
  const who = `${denial.workspace}/${denial.product ?? '-'}`;
  const time = denial.eventTime.slice(11, 23);
  return `${paint('dim', time)}  ${verdict}  ${who}  ${printable(place)}  ${denial.reason}${denial.repeats > 1 ? `  x${denial.repeats}` : ''}${detail === '' ? '' : `  ${paint('dim', printable(detail))}`}`;
}

function inboundLine(denial: InboundDenial, paint: (style: Style, text: string) => string): string {
  const { policyOutcome, workspace, source, host, requestPath, reason, repeats, ruleLabel, entry } = denial;
  const verdict = paint(policyOutcome === 'DENY' ? 'red' : 'yellow', policyOutcome.padEnd(14));
  const asked = printable(`${denial.method ?? ''} ${host ?? ''}${requestPath ?? ''}`.trim());
  const time = paint('dim', denial.eventTime.slice(11, 23));
  const list = [ruleLabel, entry].filter((text) => text !== null).join(' ');
  const parts = [time, verdict, `${workspace ?? '-'} <- ${printable(source.ip ?? '-')}`, asked, reason];
  return [...parts, repeats > 1 ? `x${repeats}` : '', paint('dim', printable(list))]
    .filter((part) => part !== '')
    .join('  ');
}

/** Those who are denied choose names in the log: no control character of theirs may reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
