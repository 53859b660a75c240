// `kubectl sallyport suggest`: what the denials of a cluster say should change in its policies, as a table, as YAML, as a
// patch, or written into the cluster.
// Exit status: 0, 1 where it failed or a person declined, 2 for options that cannot be accepted.
import { createInterface } from 'node:readline/promises';
import { yamlOf } from '../../api/store/folder-document.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { type PersonOptions, readPersonConfig } from '../../person-config.ts';
import { sourceOfCluster } from '../denials/cluster-source.ts';
import type { DenialSource } from '../denials/denial-source.ts';
import type { OpenPort } from '../shared/collector-of-cluster.ts';
import { connectPerson, type PersonApi } from '../shared/person-access.ts';
import { printableText } from '../shared/person-terminal.ts';
import { applyToCluster, type Confirm, writtenPart } from './apply-to-cluster.ts';
import { type ClusterPolicies, readClusterPolicies, type StoredPolicy } from './cluster-policies.ts';
import { readClusterUses } from './cluster-uses.ts';
import { formatSuggestions, isEmpty, noteOnHeldBack } from './format-suggestion.ts';
import { isChosen, type LogSuggestions, suggestFromLog } from './suggest-from-log.ts';
import { faultOfApply, readSpan, type Span } from './suggest-span.ts';
import { patchText, suggestedPolicy } from './suggested-policy.ts';

export interface ClusterSuggestOptions extends PersonOptions {
  readonly since: string;
  readonly namespace?: string;
  readonly output: 'table' | 'yaml' | 'patch';
  readonly wildcards?: string;
  readonly minCount?: string;
  readonly include?: 'denied';
  readonly apply?: boolean;
  readonly yes?: boolean;
}

export interface SuggestSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly complain: (text: string) => void;
  /** Columns of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
  /** Undefined where nobody can be asked. */
  readonly confirm: Confirm | undefined;
  /** Instead of through the API server. */
  readonly openPort?: OpenPort;
}

const FAILED = 1;
const USAGE = 2;

export async function clusterSuggestCommand(
  options: ClusterSuggestOptions,
  surroundings: SuggestSurroundings,
): Promise<number> {
  const { complain } = surroundings;
  const span = readSpan(options);
  const fault = 'error' in span ? span.error : faultOf(options, surroundings);
  if ('error' in span || fault !== undefined) {
    complain(`${fault ?? ''}\n`);
    return USAGE;
  }
  try {
    return await suggest(options, span, surroundings);
  } catch (error) {
    complain(`${(error as Error).message}\n`);
    return FAILED;
  }
}

function faultOf(options: ClusterSuggestOptions, { confirm }: SuggestSurroundings): string | undefined {
  const { apply, yes } = options;
  const fault = faultOfApply(options);
  if (fault !== undefined) return fault;
  if (apply === true && yes !== true && confirm === undefined)
    return 'Cannot ask before the policies change: this is no terminal; look at -o patch, then use --apply --yes';
  return undefined;
}

async function suggest(
  options: ClusterSuggestOptions,
  span: Span,
  { environment, write, complain, confirm, width, openPort }: SuggestSurroundings,
): Promise<number> {
  const config = readPersonConfig(options, environment);
  const source = await sourceOfCluster(config, openPort);
  const api = await connectPerson(config);
  try {
    const read = await readClusterPolicies(api, config.systemNamespace, (plan) =>
      isChosen(plan, options.namespace),
    );
    const found = await suggestionsFor(source, read, { ...span, workspace: options.namespace });
    if ('error' in found) throw new Error(found.error);
    for (const note of found.notes) complain(`Note: ${note}\n`);
    const { suggestions } = found;
    const leftOut = options.output === 'table' ? undefined : noteOnHeldBack(suggestions);
    if (leftOut !== undefined) complain(`Note: ${leftOut}\n`);
    if (options.apply !== true) {
      write(
        options.output === 'table'
          ? formatSuggestions(suggestions, width)
          : textOf(suggestions, read.stored, options.output),
      );
      return 0;
    }
    return await apply(suggestions, {
      ...{ api, stored: read.stored, write, width },
      confirm: options.yes === true || confirm === undefined ? saysYes(write) : confirm,
    });
  } finally {
    await Promise.all([api.close(), source.close()]);
  }
}

async function suggestionsFor(
  { ask, rightsOn }: DenialSource,
  { plans, policies, tables, gateways }: ClusterPolicies,
  { workspace, ...span }: Span & { readonly workspace: string | undefined },
): Promise<LogSuggestions | { readonly error: string }> {
  const atMs = Date.now();
  const usesOf = await readClusterUses(ask, policies, { gateways, atMs, spanMs: span.spanMs });
  const found = await suggestFromLog(ask, {
    ...{ plans, policies, tables, workspace, ...span },
    usesOf,
    atMs,
  });
  if ('error' in found) return found;
  // Without rights there are no rows: that must not look like a policy that needs nothing.
  const named = workspace === undefined ? undefined : plans.find((plan) => isChosen(plan, workspace));
  const { fault, note } = await rightsOn(named?.metadata.name);
  if (fault !== undefined) return { error: fault };
  return note === undefined ? found : { ...found, notes: [...found.notes, note] };
}

async function apply(
  suggestions: readonly Suggestion[],
  place: {
    readonly api: PersonApi;
    readonly stored: ReadonlyMap<string, StoredPolicy>;
    readonly confirm: Confirm;
    readonly write: (text: string) => void;
    readonly width: number | undefined;
  },
): Promise<number> {
  const changing = suggestions.filter((suggestion) => !isEmpty(suggestion));
  place.write(`${formatSuggestions(suggestions, place.width)}${changing.length === 0 ? '' : '\n'}`);
  return (await applyToCluster(changing, place)) === 'applied' ? 0 : FAILED;
}

/** Of --yes. */
function saysYes(write: (text: string) => void): Confirm {
  return async (text) => {
    write(`${text}yes\n`);
    return true;
  };
}

/** Undefined where the input is no terminal. */
export function confirmOnTerminal(
  input: NodeJS.ReadStream,
  output: NodeJS.WritableStream,
): Confirm | undefined {
  if (input.isTTY !== true) return undefined;
  return async (text) => {
    const questions = createInterface({ input, output });
    try {
      return /^y(?:es)?$/i.test((await questions.question(printableText(text))).trim());
    } finally {
      questions.close();
    }
  };
}

function textOf(
  suggestions: readonly Suggestion[],
  stored: ReadonlyMap<string, StoredPolicy>,
  output: 'yaml' | 'patch',
): string {
  return suggestions
    .flatMap((suggestion) => {
      const written = stored.get(suggestion.policy);
      if (written === undefined || isEmpty(suggestion)) return [];
      return output === 'yaml'
        ? [yamlOf(writtenPart(suggestedPolicy(written, suggestion)))]
        : [patchText(written, suggestion)];
    })
    .join('---\n');
}
