// `npm run quickstart`: embedded mode on examples/acme with stand-in outside servers on loopback. Real clients ask
// real questions through a real Envoy; the tables show what was asked, what happened and why; then the denial log.
// Ends with exit status 0 only where everything happened as it should. With --stay it keeps running for your own curl.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { type DenialFormat, formatDenials } from '../../operator/denials/query/format-denials.ts';
import type { QueryRows } from '../../operator/denials/query/run-query.ts';
import { formatTable } from '../../operator/lib/text-table.ts';
import { RunProcess } from '../../operator/roles/run/process.ts';
import { terminalView } from '../../operator/roles/run/view.ts';
import type { AskResult } from '../../test/outside/ask-result.ts';
import { type OutsideServers, startOutsideServers } from '../../test/outside/outside-servers.ts';
import { ask } from '../../test/outside/proxy-client.ts';
import { CALLERS, startBackend } from './access-story.ts';
import { OUTSIDE_NAMES, QUESTIONS, type Question } from './questions.ts';
import { quickstartConfig } from './quickstart-config.ts';
import { showAccess } from './show-access.ts';

/** The query of the product page, as printed there, and the same for those who wanted in. */
const OUTBOUND_QUERY = `select * from system.access.outbound_network
where event_time >= current_timestamp() - interval 2 hour
sort by event_time desc`;

const INBOUND_QUERY = OUTBOUND_QUERY.replace('outbound', 'inbound');

interface Answer {
  readonly question: Question;
  readonly result: AskResult;
  readonly dnsQuestions: number;
}

const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { stream: process.stdout });
const say = (text = ''): void => void process.stdout.write(`${text}\n`);

async function main(stay: boolean): Promise<number> {
  say(paint('bold', 'Sallyport quickstart: examples/acme on this machine, without a cluster'));
  say(
    'The servers outside are stand-ins on loopback: real DNS, TLS and HTTP. Everything else is the product.\n',
  );
  const state = await mkdtemp(join(tmpdir(), 'sallyport-'));
  const outside = await startOutsideServers({ names: OUTSIDE_NAMES.map((name) => ({ name })) });
  // The REST API writes into the folder.
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-acme-'));
  await cp(join(import.meta.dirname, '../acme'), folder, { recursive: true });
  const backend = await startBackend(folder);
  const denials = `npx sallyport denials --state ${state}`;
  const gateway = await RunProcess.start(await quickstartConfig(folder, state, outside), {
    ...terminalView(process.stdout, process.stderr, denials),
    denials: () => undefined,
    inboundDenials: () => undefined,
  });
  try {
    const failures = (await showEgress(gateway, outside)) + (await showIngress(gateway, state));
    if (stay) await stayUntilInterrupted(gateway, outside, { state, folder });
    say(
      failures === 0
        ? paint('green', '\nAll as it should be.')
        : paint('red', `\n${failures} answers are not as they should be.`),
    );
    return failures === 0 ? 0 : 1;
  } finally {
    await gateway.stop();
    await outside.stop();
    backend.close();
    await Promise.all([state, folder].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function showEgress(gateway: RunProcess, outside: OutsideServers): Promise<number> {
  const failures = await showAnswers(gateway, outside);
  const atLeast = QUESTIONS.filter(({ expect }) => expect !== 'allowed').length;
  return failures + (await showRows(gateway, { sql: OUTBOUND_QUERY, listing: 'outbound', atLeast }));
}

async function showIngress(gateway: RunProcess, state: string): Promise<number> {
  const failures = await showAccess(gateway, state, say, paint);
  const atLeast = CALLERS.filter(({ status }) => status === 403).length;
  return failures + (await showRows(gateway, { sql: INBOUND_QUERY, listing: 'inbound', atLeast }));
}

async function showAnswers(gateway: RunProcess, outside: OutsideServers): Promise<number> {
  const answers: Answer[] = [];
  for (const question of QUESTIONS) answers.push(await put(question, gateway, outside));
  const reasons = await reasonsInLog(gateway, QUESTIONS.filter(({ expect }) => expect !== 'allowed').length);
  const rows = answers.map((answer) => answerCells(answer, reasons));
  const [head = '', ...lines] = formatTable([
    ['WHO', 'ASKED', 'HAPPENED', 'WHY', 'DNS', 'NOTE'],
    ...rows.map(({ cells }) => cells),
  ]);
  say(`\n${paint('bold', head)}`);
  for (const [at, line] of lines.entries())
    say(paint(rows[at]?.asExpected === true ? rows[at].style : 'inverse', line));
  return rows.filter(({ asExpected }) => !asExpected).length;
}

async function put(question: Question, gateway: RunProcess, outside: OutsideServers): Promise<Answer> {
  const host = hostOf(question);
  const before = outside.dns.questionsFor(host).length;
  const common = {
    proxy: proxyOf(question, gateway),
    ca: outside.caPem,
    ...(question.sni === undefined ? {} : { sni: question.sni }),
  };
  const result = question.asks.startsWith('CONNECT ')
    ? await ask({ ...common, connect: question.asks.slice('CONNECT '.length), sends: 'nothing' })
    : await ask({ ...common, url: question.asks });
  return { question, result, dnsQuestions: outside.dns.questionsFor(host).length - before };
}

function hostOf(question: Question): string {
  return question.asks.replace(/^CONNECT |^https?:\/\//, '').replace(/[:/].*$/, '');
}

function proxyOf({ workspace, product }: Question, gateway: RunProcess): { host: string; port: number } {
  const endpoints = gateway.endpoints.workspaces.find((entry) => entry.workspace === workspace);
  const proxy = endpoints?.products.find((entry) => entry.product === product)?.proxy;
  if (proxy === undefined || proxy === null)
    throw new Error(`Cannot find the proxy of ${workspace}/${product} in endpoints.json`);
  const { hostname, port } = new URL(proxy);
  return { host: hostname, port: Number(port) };
}

/** Rows of a query, as soon as there are so many: Envoy writes its log a moment later. */
async function rowsOf(gateway: RunProcess, sql: string, atLeast: number): Promise<QueryRows> {
  const deadlineMs = Date.now() + 10_000;
  for (;;) {
    await gateway.drained();
    const answer = await gateway.query(sql);
    if ('error' in answer) throw new Error(answer.error);
    if (answer.rows.length >= atLeast || Date.now() >= deadlineMs) return answer;
  }
}

/** Reasons by "workspace/product destination:port", newest last. */
async function reasonsInLog(
  gateway: RunProcess,
  atLeast: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await rowsOf(
    gateway,
    'select * from system.access.outbound_network order by sequence',
    atLeast,
  );
  const keyed = rows.map(
    (row) =>
      [
        `${row['workspace']}/${row['product']} ${row['destination']}:${row['port']}`,
        `${row['access_type']} ${row['reason']}`,
      ] as const,
  );
  return new Map(
    [...Map.groupBy(keyed, ([key]) => key)].map(([key, found]) => [key, found.map(([, reason]) => reason)]),
  );
}

const STYLES = { allowed: 'green', denied: 'red', 'dry-run': 'yellow' } as const;

interface AnswerRow {
  readonly cells: readonly string[];
  readonly asExpected: boolean;
  readonly style: 'green' | 'red' | 'yellow';
}

function answerCells(
  { question, result, dnsQuestions }: Answer,
  reasons: ReadonlyMap<string, readonly string[]>,
): AnswerRow {
  const { workspace, product, asks, sni, expect, note } = question;
  const logged = reasons.get(`${workspace}/${product} ${hostOf(question)}:${portOf(asks)}`) ?? [];
  const wanted = wantedInLog(question);
  const passed = result.outcome === 'ok';
  const isLogged = wanted === undefined || logged.includes(wanted);
  const why = wanted === undefined ? 'DESTINATION_ALLOWED' : isLogged ? wanted : 'not in the log';
  const asked = sni === undefined ? asks : `${asks} (SNI ${sni})`;
  return {
    cells: [`${workspace}/${product}`, asked, describe(result), why, String(dnsQuestions), note],
    asExpected: isLogged && passed === (expect !== 'denied') && (passed || dnsQuestions === 0),
    style: STYLES[expect],
  };
}

function wantedInLog({ expect, reason }: Question): string | undefined {
  return { allowed: undefined, denied: `DROP ${reason}`, 'dry-run': `DRY_RUN_DENIAL ${reason}` }[expect];
}

function portOf(asks: string): string {
  return /:(\d+)$/.exec(asks)?.[1] ?? (asks.startsWith('http:') ? '80' : '443');
}

function describe(result: AskResult): string {
  if (result.outcome === 'ok') return result.status === undefined ? 'passed' : `passed, ${result.status}`;
  return result.outcome === 'refused' ? `refused, ${result.proxyStatus ?? result.status}` : 'tunnel closed';
}

interface Shown {
  readonly sql: string;
  readonly listing: NonNullable<DenialFormat['listing']>;
  readonly atLeast: number;
}

/** Returns how many rows are missing. */
async function showRows(gateway: RunProcess, { sql, listing, atLeast }: Shown): Promise<number> {
  say(`\n${paint('bold', 'The denial log answers:')}\n${paint('dim', sql)}\n`);
  const { columns, rows } = await rowsOf(gateway, sql, atLeast);
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  process.stdout.write(
    formatDenials(columns, rows, {
      listing,
      colour: process.stdout.isTTY,
      ...(width === undefined ? {} : { width }),
    }),
  );
  return Math.max(0, atLeast - rows.length);
}

async function stayUntilInterrupted(
  gateway: RunProcess,
  outside: OutsideServers,
  { state, folder }: { readonly state: string; readonly folder: string },
): Promise<void> {
  const ca = join(state, 'stand-in-ca.pem');
  await writeFile(ca, outside.caPem);
  const proxy = gateway.endpoints.workspaces[0]?.products.find(
    ({ proxy: address }) => address !== null,
  )?.proxy;
  say(
    `\nStill running. Ask yourself, for example:\n  curl --cacert ${ca} -x ${proxy} https://packages.example/`,
  );
  const ingress = gateway.endpoints.ingress?.[0];
  say(`  curl --connect-to ::${ingress?.http} http://${ingress?.host}/`);
  say(`  npx sallyport denials --state ${state} --since 5m`);
  say(`Edit a file in ${folder} and ask again. Stop with Ctrl-C.`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

process.exitCode = await main(process.argv.includes('--stay'));
