// What is asked for -> text on the terminal, page by page. Each returns a sentence where something went wrong.
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnd } from '../../denials/asking/ask-collector.ts';
import { formatHistogram, formatTop, stepOf } from '../../denials/query/format-summary.ts';
import { rowFormat } from '../../denials/query/row-formats.ts';
import { type DenialFilter, selectHistogram, selectTop } from '../../denials/query/select-denials.ts';
import type { TextFormat } from '../../model/output-format.ts';
import type { RowsRequest, SqlRequest } from './denial-request.ts';
import type { DenialSource } from './denial-source.ts';
import { unknownNames } from './names-of-filter.ts';
import { Newcomers, readPages } from './read-pages.ts';
import type { Terminal } from './terminal.ts';

type Fault = string | undefined;

const NOTHING = 'No denials found\n';

export async function showSql(
  { sql, output }: SqlRequest,
  source: DenialSource,
  terminal: Terminal,
): Promise<Fault> {
  const answer = await source.ask(sql);
  if ('error' in answer) return withTables(answer.error);
  const { columns, rows, truncated } = answer;
  if (rows.length === 0 && output === 'table') await terminal.out(NOTHING);
  else await terminal.out(rowFormat(output, tableOf(terminal))(columns, rows));
  if (truncated)
    terminal.err(`Only the first ${rows.length} rows are shown: narrow the query, or use LIMIT and OFFSET\n`);
  return undefined;
}

/** DuckDB and ClickHouse guess at a name, mostly of a table of their own. */
function withTables(error: string): string {
  const isUnknown = /Table with name .* does not exist|Unknown table expression identifier/.test(error);
  if (!isUnknown) return error;
  const [sentence = ''] = error.split(/\s*(?:Did you mean|Maybe you meant|\n)/);
  return `${sentence.replace(/[!.]$/, '')}; the log has system.access.outbound_network, system.access.inbound_network and system.access.entry_uses`;
}

export async function showFile(
  ask: DenialSource['backUp'],
  what: string,
  terminal: Terminal,
): Promise<Fault> {
  if (terminal.width !== undefined)
    return `Cannot write ${what} to a terminal: write it to a file, for example with ">FILE"`;
  const answer = await ask();
  if ('error' in answer) return answer.error;
  try {
    await terminal.bytes(answer);
    return undefined;
  } catch (cause) {
    return `Cannot read ${what} to its end: ${describeEnd(cause)}; what is written is incomplete, try again`;
  }
}

export async function showDenials(
  { filter, output, limit }: RowsRequest,
  source: DenialSource,
  terminal: Terminal,
): Promise<Fault> {
  const shown = await showPages({ filter, output, limit }, source, terminal);
  if ('error' in shown) return shown.error;
  if (shown.rows > 0) {
    if (shown.hasMore)
      terminal.err(`Only the newest ${limit} are shown: narrow them, or choose another --limit (0: all)\n`);
    return undefined;
  }
  return sayNothing(source, filter, { output, terminal });
}

async function sayNothing(
  source: DenialSource,
  filter: DenialFilter,
  { output, terminal }: { readonly output: TextFormat; readonly terminal: Terminal },
): Promise<Fault> {
  const { fault, note } = await source.whyNothing(filter.workspace);
  if (fault !== undefined) return fault;
  const unknown = await unknownNames(source.ask, filter);
  if (unknown.length > 0) return unknown.join('\n');
  if (output === 'table') await terminal.out(NOTHING);
  if (note !== undefined) terminal.err(`${note}\n`);
  return undefined;
}

async function showPages(
  { filter, output, limit }: Omit<RowsRequest, 'kind'>,
  { ask }: DenialSource,
  terminal: Terminal,
): Promise<{ readonly rows: number; readonly hasMore: boolean } | { readonly error: string }> {
  const format = rowFormat(output, { ...tableOf(terminal), listing: listingOf(filter) });
  let rows = 0;
  // One more than wanted, which says whether there are more.
  for await (const page of readPages(ask, { ...filter, limit: limit + 1 })) {
    if ('error' in page) return page;
    const wanted = page.rows.slice(0, limit - rows);
    rows += wanted.length;
    if (wanted.length > 0 || output === 'csv') await terminal.out(format(page.columns, wanted));
    if (wanted.length < page.rows.length) return { rows, hasMore: true };
  }
  return { rows, hasMore: false };
}

/** How long to wait between two looks; a look that takes long is not repeated sooner than five times as long. */
const LOOK_MS = 2000;
const PER_LOOK = 5;

/** Until the signal, or until whoever asked is not known or may not ask any more. */
export async function followDenials(
  { filter, output }: RowsRequest,
  source: DenialSource,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<Fault> {
  const steady = { isSteady: true, isIdentified: source.identifiesPods };
  const format = rowFormat(output, { ...tableOf(terminal), listing: listingOf(filter), ...steady });
  // Of a workspace that is none nothing would ever come; pods and policies may come later.
  const unknown = await faultOfWorkspace(source, filter);
  if (unknown !== undefined) return unknown;
  const newcomers = new Newcomers(source.ask, filter);
  let failed: string | undefined;
  let isFirst = true;
  while (!signal.aborted) {
    const startMs = performance.now();
    let error: string | undefined;
    for await (const page of newcomers.read()) {
      if ('error' in page) error = page.error;
      else if (page.rows.length > 0) await terminal.out(format(page.columns, page.rows));
    }
    // A question that never had an answer may be wrong.
    if (error !== undefined && isFirst) return error;
    if (error !== undefined && error !== failed)
      terminal.err(`${error}\nWaiting: rows that are stored meanwhile are shown when it answers again\n`);
    failed = error;
    isFirst = false;
    const waitMs = Math.max(LOOK_MS, PER_LOOK * (performance.now() - startMs));
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

async function faultOfWorkspace({ whyNothing }: DenialSource, { workspace }: DenialFilter): Promise<Fault> {
  return workspace === undefined ? undefined : (await whyNothing(workspace)).fault;
}

/** Without --since that of a day. */
export async function showTop(
  { filter, output, limit }: RowsRequest,
  source: DenialSource,
  terminal: Terminal,
): Promise<Fault> {
  const top = await source.ask(selectTop(filter, limit));
  if ('error' in top) return top.error;
  if (top.rows.length === 0) return sayNothing(source, filter, { output, terminal });
  if (output !== 'table') {
    await terminal.out(rowFormat(output, {})(top.columns, top.rows));
    return undefined;
  }
  const stepMs = stepOf(filter.sinceMs ?? 0);
  const histogram = await source.ask(selectHistogram(filter, stepMs));
  if ('error' in histogram) return histogram.error;
  const { width, colour } = terminal;
  const format = { width, colour, inbound: filter.inbound === true };
  await terminal.out(`${formatHistogram(histogram.rows, stepMs, format)}\n${formatTop(top.rows, format)}`);
  return undefined;
}

function listingOf({ inbound }: RowsRequest['filter']): 'inbound' | 'outbound' {
  return inbound === true ? 'inbound' : 'outbound';
}

function tableOf({ width, colour }: Terminal) {
  return { colour, ...(width === undefined ? {} : { width }) };
}
