// Every alert of the chart, judged by Prometheus' own promtool: it fires on the series that it is for, not before its
// time, and not on those of a healthy installation.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { alertRules, RULE_FILES } from '../support/chart/alert-rules.ts';

const GO_TOOL = join(import.meta.dirname, '../../hack/go-tool.sh');
/** With these an increase of a counter is seen from the second minute on. */
const RISING = '0+10x120';
const STILL = '7+0x120';
const POD = 'namespace="sallyport-system",pod="sallyport-gateway-1"';
const COLLECTOR = 'namespace="sallyport-system",pod="sallyport-collector-1"';

interface AlertCase {
  /** Series -> values, one a minute. */
  readonly fires: Readonly<Record<string, string>>;
  readonly silent: Readonly<Record<string, string>>;
  /** Minute at which it fires at the latest. */
  readonly by: number;
  /** Minute at which it is not sure yet; undefined for those that need no time. */
  readonly notAt?: number;
}

const values = (value: number): string => `${value}+0x120`;

function counter(series: string, by: number, notAt?: number): AlertCase {
  return {
    ...{ fires: { [series]: RISING }, silent: { [series]: STILL }, by },
    ...(notAt === undefined ? {} : { notAt }),
  };
}

function gauge(
  series: string,
  [bad, good]: readonly [number, number],
  by: number,
  notAt?: number,
): AlertCase {
  return {
    ...{ fires: { [series]: values(bad) }, silent: { [series]: values(good) }, by },
    ...(notAt === undefined ? {} : { notAt }),
  };
}

function ratio(part: string, whole: string, by: number, notAt: number): AlertCase {
  return {
    fires: { [part]: values(95), [whole]: values(100) },
    silent: { [part]: values(50), [whole]: values(100) },
    ...{ by, notAt },
  };
}

const refused = (request: string, status: string): string =>
  `sallyport_collector_refused_total{${COLLECTOR},request="${request}",status="${status}"}`;
const leader = 'leader_election_master_status{name="sallyport-operator",pod="sallyport-operator-1"}';

const CASES: Readonly<Record<string, AlertCase>> = {
  SallyportWithoutLeader: gauge(leader, [0, 1], 6, 4),
  SallyportPassesFail: counter(`controller_runtime_reconcile_errors_total{${POD},controller="gateway"}`, 20),
  SallyportApiServerSilent: gauge(`sallyport_reflector_silent_seconds{${POD}}`, [200, 20], 6, 4),
  SallyportWritesFail: {
    ...counter(`sallyport_object_writes_total{${POD},kind="Namespace",result="error"}`, 20, 8),
    silent: { [`sallyport_object_writes_total{${POD},kind="Namespace",result="success"}`]: RISING },
  },
  SallyportProblems: gauge(`sallyport_problems{${POD},reason="Invalid"}`, [1, 0], 31, 29),
  SallyportNetworkOpen: gauge(`sallyport_isolation_nodes{${POD},result="not-enforced"}`, [1, 0], 1),
  SallyportNetworkNotMeasured: gauge(`sallyport_isolation_nodes{${POD},result="unknown"}`, [1, 0], 31, 29),
  SallyportMoreOpenPodsRunning: gauge(`sallyport_more_open_pods{${POD}}`, [3, 0], 61, 59),
  SallyportEnvoyRejects: counter(`sallyport_xds_rejections_total{${POD}}`, 5),
  SallyportEnvoyNearItsMemory: gauge(`sallyport_envoy_memory_used_ratio{${POD}}`, [0.92, 0.5], 6, 4),
  SallyportConnectionsRefused: counter(`sallyport_connections_refused_total{${POD}}`, 5),
  SallyportRowsDropped: counter(`sallyport_dns_dropped_total{${POD}}`, 5),
  SallyportDenialsWait: gauge(`sallyport_spool_lag_seconds{${POD}}`, [400, 2], 6, 4),
  SallyportSpoolNearItsBudget: ratio(
    `sallyport_spool_bytes{${POD}}`,
    `sallyport_spool_limit_bytes{${POD}}`,
    6,
    4,
  ),
  SallyportDenialsLost: counter(`sallyport_denials_lost_total{${POD},reason="spool-full"}`, 5),
  SallyportCollectorAway: {
    fires: { [`up{${POD}}`]: values(1) },
    silent: { [`sallyport_collector_info{${COLLECTOR},store="duckdb"}`]: values(1) },
    ...{ by: 11, notAt: 9 },
  },
  SallyportCollectorFails: {
    ...counter(refused('batch', '500'), 20, 8),
    silent: { [refused('query', '400')]: RISING },
  },
  SallyportGatewaysRefused: {
    ...counter(refused('batch', '403'), 10, 3),
    // What the gateway sends again by itself, and people who may not ask.
    silent: { [refused('batch', '409')]: RISING, [refused('query', '403')]: RISING },
  },
  SallyportDenialStoreNearItsSize: ratio(
    `sallyport_collector_store_bytes{${COLLECTOR}}`,
    `sallyport_collector_store_limit_bytes{${COLLECTOR}}`,
    61,
    59,
  ),
  SallyportDenialStoreDiskFull: gauge(`sallyport_collector_disk_free_bytes{${COLLECTOR}}`, [1e9, 5e9], 6, 4),
  SallyportDenialEventsDropped: counter(`sallyport_denial_events_dropped_total{${COLLECTOR}}`, 65, 50),
  SallyportDenialsExportFails: counter(`sallyport_denials_export_failed_total{${COLLECTOR}}`, 65, 50),
  SallyportDenialsNotExported: counter(`sallyport_denials_export_missed_total{${COLLECTOR}}`, 5),
  SallyportOtlpRejects: counter(`sallyport_collector_otlp_rejected_total{${COLLECTOR}}`, 5),
};

function unitTests(alert: string, { fires, silent, by, notAt }: AlertCase): readonly object[] {
  const count = `count(ALERTS{alertname="${alert}",alertstate="firing"})`;
  const test = (what: string, series: Readonly<Record<string, string>>, asked: readonly object[]) => ({
    name: `${alert} ${what}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, text]) => ({ series: name, values: text })),
    promql_expr_test: asked,
  });
  const expected = (minute: number, isFiring: boolean) => ({
    ...{ expr: count, eval_time: `${minute}m` },
    exp_samples: isFiring ? [{ labels: '{}', value: 1 }] : [],
  });
  const asked = [expected(by, true), ...(notAt === undefined ? [] : [expected(notAt, false)])];
  return [test('fires', fires, asked), test('is silent', { ...silent }, [expected(119, false)])];
}

it('every alert fires on its series, in its time, and no other way', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(
    alertRules()
      .map(({ alert }) => alert)
      .toSorted(),
  );
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
  const file = join(folder, 'alerts.yaml');
  const tests = Object.entries(CASES).flatMap(([alert, one]) => unitTests(alert, one));
  writeFileSync(file, dump({ rule_files: RULE_FILES, evaluation_interval: '1m', tests }));
  const found = spawnSync('bash', [GO_TOOL, 'promtool'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const program = found.stdout.trim();
  expect(spawnSync(program, ['check', 'rules', ...RULE_FILES], { encoding: 'utf8' })).toMatchObject({
    status: 0,
  });
  const { status, stdout, stderr } = spawnSync(program, ['test', 'rules', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect({ status, said: `${stdout}${stderr}` }).toEqual({
    status: 0,
    said: expect.stringContaining('SUCCESS'),
  });
});
