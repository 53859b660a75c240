// Alerts and dashboards of the chart name only metrics that our programs have, with labels that these have.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { measureAnswers } from '../../operator/api/answer-metrics.ts';
import { measureIsolation } from '../../operator/deliver/kubernetes/canary/isolation-metrics.ts';
import { measureDelivery } from '../../operator/deliver/kubernetes/delivery-metrics.ts';
import { measureRestarts } from '../../operator/deliver/kubernetes/restart-metrics.ts';
import { countDenials, measureCollector } from '../../operator/denials/collector/collector-metrics.ts';
import {
  type LossReason,
  measureDenials,
  measureInboundDenials,
  measureLoss,
} from '../../operator/denials/reading/denial-metrics.ts';
import { DnsCounts, measureDns } from '../../operator/gateway/dns/dns-counts.ts';
import { measureSpools } from '../../operator/gateway/log/spool-metrics.ts';
import { measureEnvoy } from '../../operator/gateway/process/envoy-metrics.ts';
import { measureXds, XdsCounts } from '../../operator/gateway/xds/xds-counts.ts';
import { measureRequests } from '../../operator/lib/kubernetes/request-metrics.ts';
import { measureLoop, measurePasses, roleRegistry } from '../../operator/lib/loop-metrics.ts';
import type { AccessType } from '../../operator/model/denial.ts';
import { measureStore } from '../../operator/roles/collector/store-metrics.ts';
import {
  measureReflectorFailures,
  measureReflectors,
} from '../../operator/sources/kubernetes/reflector-metrics.ts';
import { alertRules } from '../support/chart/alert-rules.ts';
import { CHART } from '../support/chart/helm.ts';

const COLLECTOR = join(import.meta.dirname, '../../operator/roles/collector');

/** Those that Prometheus adds, and those of histograms. */
const LABELS_OF_ALL = ['pod', 'namespace', 'job', 'instance', 'le'];
const FUNCTIONS = /^(?:sum|max|min|rate|increase|absent|histogram_quantile|by|and|or|on|unless)$/;

/** Label names by metric, of all roles. */
function knownMetrics(): ReadonlyMap<string, readonly string[]> {
  const registry: Registry = roleRegistry();
  measurePasses(registry, 'operator');
  measureLoop(registry, 'operator', () => ({ isTriggered: false, runningSeconds: undefined, triggers: 0 }));
  measureRequests(registry);
  measureReflectorFailures(registry);
  measureReflectors(registry, () => []);
  measureDelivery(registry);
  measureRestarts(registry, () => new Map());
  measureIsolation(registry, () => ({ nodes: [], intervalMs: 0 }));
  measureDenials(registry);
  measureInboundDenials(registry);
  measureLoss(registry);
  measureSpools(registry, {
    stateOf: () => Promise.resolve({ bytes: 0, lagSeconds: 0 }),
    budgetBytes: 1,
  });
  measureDns(registry, new DnsCounts());
  measureXds(registry, new XdsCounts());
  measureEnvoy(registry, { deniedConnections: () => 0, memoryRatio: () => 0 });
  measureAnswers(registry);
  measureCollector(registry, 'duckdb');
  countDenials(registry, { canRaise: true, progress: nothing, append: nothing });
  measureStore(registry, { usedBytes: async () => 0, limitBytes: 1, directory: '/' });
  const metrics = registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[];
  const inline = inlineMetrics().map((name) => ({ name, labelNames: [] }));
  return new Map(
    [...inline, ...metrics].flatMap(({ name, labelNames }) =>
      ['', '_bucket', '_sum', '_count'].map((part) => [`${name}${part}`, labelNames] as const),
    ),
  );
}

/** Of counters that a part makes for itself, as the source names them: without labels. */
function inlineMetrics(): readonly string[] {
  return ['parts.ts', 'row-store.ts', 'export-rows.ts'].flatMap((name) => {
    const source = readFileSync(join(COLLECTOR, name), 'utf8');
    return [...source.matchAll(/name: '(sallyport_\w+)'/g)].map(([, metric = '']) => metric);
  });
}

const nothing = (): Promise<never> => Promise.reject(new Error('nothing is stored here'));

function dashboardExpressions(): readonly string[] {
  const folder = join(CHART, 'dashboards');
  return readdirSync(folder).flatMap((name) => {
    const { panels } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
    };
    return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  });
}

/** Names in an expression: metrics, and the labels that it matches or groups by. */
function namesIn(expression: string): {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
} {
  const matched = [...expression.matchAll(/([a-z_]+)(?:=~|!~|!=|=)"/g)].map(([, name = '']) => name);
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
  const rest = expression.replace(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, ' ');
  const words = rest.match(/[a-zA-Z_:][\w:]*/g) ?? [];
  return { metrics: words.filter((word) => !FUNCTIONS.test(word)), labels: [...matched, ...grouped] };
}

const EXPRESSIONS = [...alertRules().map(({ expr }) => expr), ...dashboardExpressions()];

it.each(EXPRESSIONS)('%s', (expression) => {
  const known = knownMetrics();
  const { metrics, labels } = namesIn(expression);
  expect(metrics.length).toBeGreaterThan(0);
  expect(metrics.filter((name) => !known.has(name))).toEqual([]);
  const usable = [...LABELS_OF_ALL, ...metrics.flatMap((name) => known.get(name) ?? [])];
  expect(labels.filter((name) => !usable.includes(name))).toEqual([]);
});

it('says what to do about every reason for which denials are lost', () => {
  const reasons: Readonly<Record<LossReason, true>> = {
    ...{ 'spool-full': true, 'not-written': true, unreadable: true, 'store-lost': true, 'pod-gone': true },
  };
  const said = alertRules().find(({ alert }) => alert === 'SallyportDenialsLost')?.annotations.description;
  expect(Object.keys(reasons).filter((reason) => !said?.includes(reason))).toEqual([]);
});

it('asks for access types that there are', () => {
  const asked = EXPRESSIONS.flatMap((one) => [...one.matchAll(/access_type="([^"]*)"/g)]).map(
    ([, name]) => name,
  );
  const types: Readonly<Record<AccessType, true>> = { DROP: true, DRY_RUN_DENIAL: true };
  expect(asked.toSorted()).toEqual(Object.keys(types).toSorted());
});

it('every alert says what is, and what to do', () => {
  const poor = alertRules().filter(
    ({ annotations: { summary, description } }) => summary.length < 30 || description.length < 20,
  );
  expect(poor).toEqual([]);
});
