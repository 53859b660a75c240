// Shows who may access a workspace: asks the REST API and the ingress gateway, prints a line for each answer, and counts
// those that are not as they should be.
import { join } from 'node:path';
import type { styleText } from 'node:util';
import { formatTable } from '../../operator/lib/text-table.ts';
import type { RunProcess } from '../../operator/roles/run/process.ts';
import { CALLERS, CALLS, callApi, callWorkspace, curlLine, restApi } from './access-story.ts';

type Say = (text?: string) => void;
type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

export async function showAccess(
  gateway: RunProcess,
  state: string,
  say: Say,
  paint: Paint,
): Promise<number> {
  const api = await restApi(gateway.apiPort ?? 0, join(state, 'api-tokens.yaml'));
  say(`\n${paint('bold', 'Who may access a workspace: the REST API of the product page')}`);
  let failures = 0;
  for (const call of CALLS) {
    const { status, text } = await callApi(call, api);
    const isExpected = status === call.status;
    if (!isExpected) failures += 1;
    say(paint('dim', curlLine(call, api)));
    say(paint(isExpected ? (status === 200 ? 'green' : 'red') : 'inverse', `  ${status} ${text}`));
  }
  await gateway.settled();
  return failures + (await showCallers(gateway, say, paint));
}

async function showCallers(gateway: RunProcess, say: Say, paint: Paint): Promise<number> {
  const endpoint = gateway.endpoints.ingress?.[0];
  const port = Number(endpoint?.http?.split(':').at(-1));
  const answers = await Promise.all(
    CALLERS.map(async (caller) => ({ caller, answer: await callWorkspace(caller, port) })),
  );
  const [head = '', ...lines] = formatTable([
    ['CALLER', 'ASKED', 'HAPPENED', 'ANSWER', 'NOTE'],
    ...answers.map(({ caller, answer }) => [
      caller.from,
      `http://${endpoint?.host}/sql/warehouses`,
      `${answer.status === 200 ? 'admitted' : 'denied'}, ${answer.status}`,
      answer.text.trim(),
      caller.note,
    ]),
  ]);
  say(`\n${paint('bold', head)}`);
  for (const [at, { caller, answer }] of answers.entries()) {
    const style = answer.status === 200 ? 'green' : 'red';
    say(paint(answer.status === caller.status ? style : 'inverse', lines[at] ?? ''));
  }
  return answers.filter(({ caller, answer }) => answer.status !== caller.status).length;
}
