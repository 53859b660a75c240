import { Loop, SYSTEM_CLOCK } from './loop.ts';
import { createMetrics, type Metrics } from './metrics.ts';

let metrics: Metrics;

beforeEach(() => {
  metrics = createMetrics('operator');
});

/** The samples of a name, as they are written, without those of its buckets. */
async function samplesOf(name: string, of = metrics): Promise<readonly string[]> {
  const lines = (await of.text()).split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

const QUEUE = '{name="operator",controller="operator"}';

describe('createMetrics() counts passes', () => {
  it('under the names of controllers, with zeros before the first', async () => {
    expect(await samplesOf('controller_runtime_reconcile_errors_total')).toEqual([
      'controller_runtime_reconcile_errors_total{controller="operator"} 0',
    ]);
    metrics.pass({ seconds: 0.03, queuedSeconds: 0.001, failed: false });
    metrics.pass({ seconds: 2, queuedSeconds: 0.001, failed: true });
    expect(await samplesOf('controller_runtime_reconcile_total')).toEqual([
      'controller_runtime_reconcile_total{controller="operator",result="success"} 1',
      'controller_runtime_reconcile_total{controller="operator",result="error"} 1',
    ]);
    expect(await metrics.text()).toEqual(
      expect.stringContaining('controller_runtime_reconcile_time_seconds_sum{controller="operator"} 2.03'),
    );
    expect(await samplesOf('workqueue_retries_total')).toEqual([`workqueue_retries_total${QUEUE} 1`]);
    expect(await samplesOf('workqueue_queue_duration_seconds_count')).toEqual([
      `workqueue_queue_duration_seconds_count${QUEUE} 2`,
    ]);
  });

  it('and sees what a loop does now', async () => {
    const end = Promise.withResolvers<object>();
    const intervals = { minIntervalMs: 0, retryIntervalMs: 1000, maxIntervalMs: 60_000 };
    const loop = new Loop({
      job: () => end.promise,
      ...intervals,
      clock: { ...SYSTEM_CLOCK, setTimer: (_, callback) => (queueMicrotask(callback), () => undefined) },
      onFailure: () => undefined,
    });
    metrics.watchLoop(() => loop.state());
    loop.trigger();
    await Promise.resolve();
    loop.trigger();
    loop.trigger();
    expect(await samplesOf('controller_runtime_active_workers')).toEqual([
      'controller_runtime_active_workers{controller="operator"} 1',
    ]);
    expect(await samplesOf('workqueue_depth')).toEqual([`workqueue_depth${QUEUE} 1`]);
    expect(await samplesOf('workqueue_adds_total')).toEqual([`workqueue_adds_total${QUEUE} 2`]);
    const stopped = loop.stop();
    end.resolve({});
    await stopped;
    expect(await samplesOf('controller_runtime_active_workers')).toEqual([
      'controller_runtime_active_workers{controller="operator"} 0',
    ]);
  });
});

describe('createMetrics()', () => {
  it('counts requests by code, and those without an answer', async () => {
    const done = { method: 'GET', host: 'api:6443', durationMs: 30 };
    metrics.apiRequest({ ...done, status: 200 });
    metrics.apiRequest({ ...done, status: 0 });
    expect(await samplesOf('rest_client_requests_total')).toEqual([
      'rest_client_requests_total{code="200",method="GET",host="api:6443"} 1',
      'rest_client_requests_total{code="<error>",method="GET",host="api:6443"} 1',
    ]);
    expect(await samplesOf('rest_client_request_duration_seconds_sum')).toEqual([
      'rest_client_request_duration_seconds_sum{verb="GET",host="api:6443"} 0.06',
    ]);
  });

  it('says which reflector is silent', async () => {
    const pods = { reflector: 'pods.v1', hasSynced: true, heardAtMs: performance.now() - 60_000 };
    metrics.watchReflectors(() => [pods]);
    expect(await samplesOf('sallyport_reflector_synced')).toEqual([
      'sallyport_reflector_synced{reflector="pods.v1"} 1',
    ]);
    expect(await samplesOf('sallyport_reflector_silent_seconds')).toEqual([
      expect.stringMatching(/^sallyport_reflector_silent_seconds\{reflector="pods.v1"\} 60\./),
    ]);
  });

  it('counts problems as they are now', async () => {
    metrics.problems([{ reason: 'Conflicted' }, { reason: 'Conflicted' }, { reason: 'UnknownTier' }]);
    metrics.problems([{ reason: 'UnknownTier' }]);
    expect(await samplesOf('sallyport_problems')).toEqual(['sallyport_problems{reason="UnknownTier"} 1']);
  });

  it('counts denials of more workspaces than it can tell apart together', async () => {
    const [first, last] = ['team-0', 'team-5000'];
    const workspaces = Array.from({ length: 5000 }, (_, at) => `team-${at}`);
    for (const workspace of [...workspaces, last, first]) {
      metrics.denial({ workspace, reason: 'DESTINATION_NOT_ALLOWED', accessType: 'DENIAL', repeats: 1 });
    }
    const labels = 'reason="DESTINATION_NOT_ALLOWED",access_type="DENIAL"';
    const samples = await samplesOf('sallyport_denials_total');
    expect(samples).toHaveLength(5001);
    expect(samples[0]).toBe(`sallyport_denials_total{workspace="${first}",${labels}} 2`);
    expect(samples.at(-1)).toBe(`sallyport_denials_total{workspace="(other)",${labels}} 1`);
  });

  it('has the delay of the event loop, and what was written and dropped', async () => {
    metrics.objectWrite({ kind: 'Service', verb: 'apply', failed: true });
    metrics.eventDropped();
    metrics.leader(true);
    expect(await samplesOf('nodejs_eventloop_lag_p99_seconds')).toHaveLength(1);
    expect(await samplesOf('sallyport_object_writes_total')).toEqual([
      'sallyport_object_writes_total{kind="Service",verb="apply",result="error"} 1',
    ]);
    expect(await samplesOf('sallyport_events_dropped_total')).toEqual(['sallyport_events_dropped_total 1']);
    expect(await samplesOf('leader_election_master_status')).toEqual([
      'leader_election_master_status{name="sallyport-operator"} 1',
    ]);
  });

  it('keeps roles in one process apart', async () => {
    const gateway = createMetrics('gateway');
    metrics.eventDropped();
    expect(await samplesOf('sallyport_events_dropped_total', gateway)).toEqual([
      'sallyport_events_dropped_total 0',
    ]);
  });
});

test('createMetrics() counts questions of the DNS by what became of them', async () => {
  const counts = { questions: { noName: 3, tooMany: 0 }, folded: 2, dropped: 4 };
  metrics.watchDns(() => counts);
  expect(await samplesOf('sallyport_dns_questions_total')).toEqual([
    'sallyport_dns_questions_total{outcome="noName"} 3',
    'sallyport_dns_questions_total{outcome="tooMany"} 0',
  ]);
  expect(await samplesOf('sallyport_dns_folded_total')).toEqual(['sallyport_dns_folded_total 2']);
  expect(await samplesOf('sallyport_dns_dropped_total')).toEqual(['sallyport_dns_dropped_total 4']);
});
