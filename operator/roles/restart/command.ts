// `kubectl sallyport restart`: restarts workloads of a workspace that run in another lane than their product has now, and no
// others, with the rights of the person.
// Exit status: 0 where nothing is left to restart of what was asked for; 1 where something is, or a person declined; 2 for
// options that cannot be accepted.
import { parseDuration } from '../../lib/duration.ts';
import { wrapText } from '../../lib/fit-table.ts';
import { type PersonOptions, readPersonConfig } from '../../person-config.ts';
import { workloadName } from '../restarts/format-restarts.ts';
import { ownerChain, readRestarts } from '../restarts/read-restarts.ts';
import { connectPerson, contextNamespace } from '../shared/person-access.ts';
import { printableField } from '../shared/person-terminal.ts';
import type { Confirm } from '../suggest/apply-to-cluster.ts';
import { carryOut, type Restartable, type RestartPlace, readRestarted } from './carry-out.ts';
import { type ChoicePlace, chooseWorkloads } from './choose-workloads.ts';
import { type AskedWorkload, parseWorkload, type RestartableWorkload, workloadsOf } from './find-workload.ts';
import { formatPlan, openingsOf, type PreparedRestart } from './format-plan.ts';
import { planRestart } from './plan-restart.ts';
import { requestsOf, send } from './restart-requests.ts';
import { type ServedKind, servedKinds } from './served-kinds.ts';
import { lookAtPods } from './workload-pods.ts';

export interface RestartOptions extends PersonOptions {
  readonly namespace?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly timeout?: string;
}

export interface RestartSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly complain: (text: string) => void;
  /** Columns of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
  /** Undefined where nobody can be asked. */
  readonly confirm: Confirm | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

const FAILED = 1;
const USAGE = 2;
const USUAL_TIMEOUT = '10m';

export async function restartCommand(
  text: string | readonly string[] | undefined,
  options: RestartOptions,
  surroundings: RestartSurroundings,
): Promise<number> {
  const { complain, width } = surroundings;
  const question = readQuestion(text, options, surroundings);
  if ('error' in question) {
    complain(`${wrapText(question.error, width)}\n`);
    return USAGE;
  }
  try {
    return await restart(question, options, surroundings);
  } catch (error) {
    complain(`${wrapText(printableField((error as Error).message), width)}\n`);
    return FAILED;
  }
}

interface Question {
  /** Undefined: all. */
  readonly asked: AskedWorkload | undefined;
  readonly timeoutMs: number;
}

function readQuestion(
  text: string | readonly string[] | undefined,
  options: RestartOptions,
  { confirm }: RestartSurroundings,
): Question | { readonly error: string } {
  const { all = false, dryRun = false, yes = false, timeout = USUAL_TIMEOUT } = options;
  const workload = readWorkload(text, all);
  if ('error' in workload) return workload;
  if (!dryRun && !yes && confirm === undefined)
    return {
      error: 'Cannot ask before something restarts: this is no terminal; look at --dry-run, then use --yes',
    };
  const duration = parseDuration(timeout);
  return 'error' in duration
    ? { error: `--timeout: ${duration.error}` }
    : { ...workload, timeoutMs: duration.durationMs };
}

function readWorkload(
  text: string | readonly string[] | undefined,
  all: boolean,
): Pick<Question, 'asked'> | { readonly error: string } {
  const example = 'name a workload, for example "deployment/etl", or use --all';
  if (text !== undefined && typeof text !== 'string') return { error: severalWords(text) };
  if (text === undefined)
    return all ? { asked: undefined } : { error: `Cannot tell what to restart: ${example}` };
  if (all) return { error: `Cannot restart "${text}" and --all: use one of them` };
  const asked = parseWorkload(text);
  return asked === undefined ? { error: `Cannot read "${text}": ${example}` } : { asked };
}

/** kubectl takes "deployment etl", too. */
function severalWords(words: readonly string[]): string {
  const [kind = '', name = ''] = words;
  const hint = words.length === 2 ? `write "${kind}/${name}"` : 'name one workload at a time, or use --all';
  return `Cannot restart "${words.join(' ')}": ${hint}`;
}

async function restart(
  { asked, timeoutMs }: Question,
  options: RestartOptions,
  surroundings: RestartSurroundings,
): Promise<number> {
  const { environment, write, complain, width, signal } = surroundings;
  const config = readPersonConfig(options, environment);
  const namespace = options.namespace ?? (await contextNamespace(config));
  const api = await connectPerson(config);
  try {
    const { systemNamespace } = config;
    const found = await readRestarts({
      ...{ api, workspace: namespace, systemNamespace },
      ...{ atMs: Date.now(), withDeadlines: false },
    });
    for (const note of found.notes) complain(`${wrapText(printableField(`Note: ${note}`), width)}\n`);
    const chain = ownerChain(api, () => undefined);
    const place = { ...{ api, chain, signal, timeoutMs, write }, laneTimes: found.laneTimes };
    const served = await servedKinds(api);
    const choice = await chooseWorkloads(asked, workloadsOf(found.rows), { ...place, namespace, served });
    if (choice.chosen.length > 0)
      return await restartThese(choice.chosen, { ...place, namespace, served }, { options, surroundings });
    write(`${wrapText(choice.sentence, width)}\n`);
    return 0;
  } finally {
    await api.close();
  }
}

type Place = RestartPlace & ChoicePlace;

interface Prepared extends PreparedRestart, Restartable {}

async function restartThese(
  chosen: readonly RestartableWorkload[],
  place: Place,
  { options, surroundings }: { readonly options: RestartOptions; readonly surroundings: RestartSurroundings },
): Promise<number> {
  const { write, width, confirm } = surroundings;
  const prepared: Prepared[] = [];
  for (const workload of chosen) prepared.push(await prepare(workload, place));
  write(`${formatPlan(prepared, { timeoutMs: place.timeoutMs, width })}\n`);
  const doable = prepared.filter(({ why }) => why === undefined);
  const isLeft = doable.length < prepared.length;
  if (doable.length === 0) return FAILED;
  if (options.dryRun === true) return (await tryAll(doable, place, surroundings)) && !isLeft ? 0 : FAILED;
  if (!(await isWanted(options, confirm))) {
    write('Nothing is changed\n');
    return FAILED;
  }
  const done = await restartAll(doable, place, surroundings);
  if (prepared.length > 1) write(`Restarted ${done} of ${prepared.length} workloads\n`);
  return done === prepared.length ? 0 : FAILED;
}

async function isWanted({ yes }: RestartOptions, confirm: Confirm | undefined): Promise<boolean> {
  return yes === true || (await confirm?.('Restart? [y/N] ')) === true;
}

/** Whatever keeps it from being restarted is said of it, and stops no other. */
async function prepare(workload: RestartableWorkload, place: Place): Promise<Prepared> {
  const left = (why: string): Prepared => ({
    ...{ workload, why, resource: undefined, requests: [], isStopAndStart: false },
  });
  const openings = openingsOf(workload);
  if (openings !== undefined) return left(openings);
  const { action } = workload.workloadKind.restart;
  if (action.kind === 'none') return left(action.why);
  try {
    const resource = action.kind === 'deletePods' ? undefined : resourceOf(workload, place.served);
    const object = await readRestarted(place, { workload, resource });
    const planned = planRestart(action, object, Date.now());
    if (planned.kind === 'none') return left(planned.why);
    const { stale } = await lookAtPods(place, workload, Date.now());
    const requests = requestsOf(planned, workload, { resource, stale });
    return { workload, resource, requests, isStopAndStart: planned.kind === 'stopAndStart', why: undefined };
  } catch (error) {
    return left((error as Error).message);
  }
}

function resourceOf({ group, kind }: RestartableWorkload, served: readonly ServedKind[]): ServedKind {
  const found = served.find((one) => one.group === group && one.kind === kind);
  if (found === undefined) throw new Error(`Cannot find kind "${kind}" of group "${group}" in the cluster`);
  return found;
}

/** Whether the API server would accept everything. */
async function tryAll(
  prepared: readonly Prepared[],
  { api }: Place,
  { write, complain, width }: RestartSurroundings,
): Promise<boolean> {
  let isAccepted = true;
  for (const { workload, requests } of prepared)
    for (const request of requests) {
      const name = `${workloadName(workload)}: ${request.text.split(' ', 2).join(' ')}`;
      try {
        await send(api, request, true);
        write(`${name} would be accepted\n`);
      } catch (error) {
        isAccepted = false;
        complain(`${wrapText(`${name} would be denied: ${(error as Error).message}`, width)}\n`);
      }
    }
  write('Nothing is changed\n');
  return isAccepted;
}

/** How many; it goes on after a failure, but not once somebody interrupts it. */
async function restartAll(
  prepared: readonly Prepared[],
  place: Place,
  { write, complain, signal, width }: RestartSurroundings,
): Promise<number> {
  let done = 0;
  for (const one of prepared) {
    if (signal.aborted) break;
    const name = workloadName(one.workload);
    try {
      write(`${wrapped(`${name} ${await carryOut(one, place)}`, width)}\n`);
      done += 1;
    } catch (error) {
      complain(`${wrapped(`${name}: ${(error as Error).message}`, width)}\n`);
    }
  }
  return done;
}

/** A command stays whole, to be copied. */
function wrapped(text: string, width: number | undefined): string {
  const lines = text.split('\n');
  return lines.map((line) => (line.startsWith('kubectl ') ? line : wrapText(line, width))).join('\n');
}
