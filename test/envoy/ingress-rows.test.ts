// Lines of a real ingress Envoy -> the rows and counts of an ingress gateway: whatever the lists, a row names the list
// and the entry that decideIngress() names, and every request counts once.
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { decideIngress } from '../../operator/compile/ingress/decide-ingress.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import { plainAddress } from '../../operator/model/address-range.ts';
import type { IngressMatch } from '../../operator/model/ingress-decision.ts';
import type { IngressPlan, IngressRules } from '../../operator/model/ingress-plan.ts';
import { isBitSet, type ListHitsReport } from '../../operator/model/list-hits-report.ts';
import type { InboundLog } from '../../operator/roles/shared/inbound-log.ts';
import { openInboundOutput } from '../../operator/roles/shared/inbound-output.ts';
import { withFolder } from '../fixtures/denial-fixture.ts';
import { ingressPlan, someAddress, someRules } from '../fixtures/ingress-rules.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const WORKSPACES = 40;
const ADDRESSES = 15;

type Row = Readonly<Record<string, unknown>>;

interface Case {
  readonly rules: IngressRules;
  readonly workspace: string;
  readonly address: string;
  readonly path: string;
}

const TABLES = fc.sample(
  fc.tuple(someRules, fc.array(someAddress, { minLength: ADDRESSES, maxLength: ADDRESSES })),
  { seed: SEED, numRuns: WORKSPACES },
);
const PLANS = TABLES.map(([rules], at) => ingressPlan(`w${at}`, rules));
const CASES: readonly Case[] = TABLES.flatMap(([rules, addresses], at) =>
  addresses.map((address, which) => ({ rules, address, workspace: `w${at}`, path: `/${at}/${which}` })),
);

/** The row that a case should have; undefined: none. */
function expectedRow({ rules, workspace, address, path }: Case): Row | undefined {
  const { wouldDeny, ...verdict } = decideIngress(rules, address);
  const denied = verdict.isAllowed ? wouldDeny : verdict;
  if (denied === undefined) return undefined;
  return {
    workspace,
    request_path: path,
    source: { ip: plainAddress(address) },
    policy_outcome: verdict.isAllowed ? 'DENY_DRY_RUN' : 'DENY',
    reason: denied.reason,
    ...matchColumns(denied.match),
    status: verdict.isAllowed ? 200 : 403,
    listener: 'ingress',
    method: 'GET',
    host: `${workspace}.example`,
    revision: 'r1',
  };
}

function matchColumns(match: IngressMatch | undefined): Row {
  if (match === undefined) return { list_id: null, entry: null, rule_label: null };
  return { list_id: match.listId, entry: match.entry, rule_label: match.label };
}

/** As often as decideIngress() names an entry of a list, with those in dry-run enforced where the list is one of them. */
function expectedHits(plan: IngressPlan): ReadonlyMap<string, readonly string[]> {
  const { spec, metadata } = plan;
  const own = CASES.filter(({ workspace }) => workspace === metadata.name);
  const asEnforced = { ...spec, lists: spec.lists.map((list) => ({ ...list, mode: 'ENFORCED' as const })) };
  return new Map(
    spec.lists.map((list) => {
      const rules = list.mode === 'DRY_RUN' ? asEnforced : spec;
      const matches = own.map(({ address }) => decideIngress(rules, address).match);
      return [list.listId, matches.flatMap((match) => (match?.listId === list.listId ? [match.entry] : []))];
    }),
  );
}

function hitsOf(reports: readonly ListHitsReport[], plan: IngressPlan) {
  return plan.spec.lists.map(({ listId, ipAddresses }) => {
    const report = reports.find((one) => one.workspace === plan.metadata.name && one.listId === listId);
    const bits = Buffer.from(report?.hitEntries ?? '', 'base64');
    return { listId, total: report?.total, hit: ipAddresses.filter((_, at) => isBitSet(bits, at)) };
  });
}

interface Stage {
  readonly fixture: IngressFixture;
  readonly log: InboundLog;
  readonly registry: Registry;
  /** Of the gateway. */
  readonly output: () => string;
}

function withGateway(work: (stage: Stage) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const fixture = await IngressFixture.start({ trustedProxies: { kind: 'hops', hops: 1 } });
    const stream = new PassThrough();
    let output = '';
    stream.on('data', (bytes) => (output += String(bytes)));
    const registry = new Registry();
    const log = await openInboundOutput({
      gateway: 'ingress-0',
      accountId: 'account',
      rowsPerSecond: 100_000,
      spools: `${fixture.settings.directory}/log`,
      hits: `${folder}/hits.json`,
      admin: fixture.xds.envoy.admin,
      maxBytes: 65_536,
      budgetBytes: 1e8,
      logger: createLogger({ role: 'ingress', level: 'info', stream }),
      registry,
    });
    try {
      await work({ fixture, log, registry, output: () => output });
    } finally {
      await log.close();
      await fixture.stop();
    }
  });
}

async function ask(fixture: IngressFixture, { workspace, address, path }: Case): Promise<void> {
  await fixture.ask({
    host: `${workspace}.example`,
    path: `${path}?token=secret`,
    headers: [`X-Forwarded-For: ${address}`],
  });
}

test(`${CASES.length} requests become the rows and counts that decideIngress() says (seed ${SEED})`, () =>
  withGateway(async ({ fixture, log, registry, output }) => {
    log.remember(PLANS);
    await fixture.apply(PLANS);
    await log.follow();
    for (const one of CASES.slice(0, CASES.length / 2)) await ask(fixture, one);
    await log.drain();
    for (const one of CASES.slice(CASES.length / 2)) await ask(fixture, one);
    const expected = CASES.flatMap((one) => expectedRow(one) ?? []);
    await untilRead(log, () => requestsIn(log) >= CASES.length);
    const rows = rowsIn(output());
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, at) => at + 1));
    for (const [at, row] of rows.entries()) expect(row).toMatchObject(expected[at] ?? { none: at });
    expect(rows).toHaveLength(expected.length);
    expect(output()).not.toContain('secret');
    expect(requestsIn(log)).toBe(CASES.length);
    for (const plan of PLANS) expectHits(hitsOf(log.listHits(), plan), expectedHits(plan));
    expect(await registry.metrics()).toContain('sallyport_inbound_denials_total{workspace="w');
  }));

function requestsIn(log: InboundLog): number {
  return log.workspaceHits().reduce((sum, { requests }) => sum + requests, 0);
}

function expectHits(hits: ReturnType<typeof hitsOf>, expected: ReadonlyMap<string, readonly string[]>): void {
  for (const { listId, total, hit } of hits) {
    const entries = expected.get(listId) ?? [];
    expect([listId, total]).toEqual([listId, entries.length]);
    expect(new Set(hit)).toEqual(new Set(entries));
  }
}

function rowsIn(output: string): readonly Row[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"inbound denial"'))
    .map((line) => JSON.parse(line) as Row);
}

/** Envoy writes a line a moment after its answer. */
async function untilRead(log: InboundLog, isDone: () => boolean): Promise<void> {
  await until('all lines are read', async () => {
    await log.drain();
    return isDone();
  });
}
