import { Registry } from 'prom-client';
import { samplesOf } from '../../../test/support/samples.ts';
import { measureDelivery } from './delivery-metrics.ts';

test('measureDelivery() counts writes, dropped Events, and problems as they are now', async () => {
  const registry = new Registry();
  const metrics = measureDelivery(registry);
  metrics.objectWrite({ kind: 'Service', verb: 'apply', failed: true });
  metrics.eventDropped();
  metrics.leader(true);
  expect(await samplesOf(registry, 'sallyport_object_writes_total')).toEqual([
    'sallyport_object_writes_total{kind="Service",verb="apply",result="error"} 1',
  ]);
  expect(await samplesOf(registry, 'sallyport_events_dropped_total')).toEqual([
    'sallyport_events_dropped_total 1',
  ]);
  expect(await samplesOf(registry, 'leader_election_master_status')).toEqual([
    'leader_election_master_status{name="sallyport-operator"} 1',
  ]);
  metrics.problems([{ reason: 'Conflicted' }, { reason: 'Conflicted' }, { reason: 'UnknownTier' }]);
  metrics.problems([{ reason: 'UnknownTier' }]);
  expect(await samplesOf(registry, 'sallyport_problems')).toEqual([
    'sallyport_problems{reason="UnknownTier"} 1',
  ]);
});
