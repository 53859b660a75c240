import { Registry } from 'prom-client';
import { samplesOf } from '../../../test/support/samples.ts';
import { measureRequests } from './request-metrics.ts';

test('measureRequests() counts requests by code, and those without an answer', async () => {
  const registry = new Registry();
  const measure = measureRequests(registry);
  const done = { method: 'GET', host: 'api:6443', durationMs: 30 };
  measure({ ...done, status: 200 });
  measure({ ...done, status: 0 });
  expect(await samplesOf(registry, 'rest_client_requests_total')).toEqual([
    'rest_client_requests_total{code="200",method="GET",host="api:6443"} 1',
    'rest_client_requests_total{code="<error>",method="GET",host="api:6443"} 1',
  ]);
  expect(await samplesOf(registry, 'rest_client_request_duration_seconds_sum')).toEqual([
    'rest_client_request_duration_seconds_sum{verb="GET",host="api:6443"} 0.06',
  ]);
});
