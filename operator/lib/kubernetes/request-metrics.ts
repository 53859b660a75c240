// Metrics of requests to the API server, under client-go's names.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { RequestDone } from './connect-kubernetes.ts';

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export function measureRequests(registry: Registry): (done: RequestDone) => void {
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code, method and host',
    labelNames: ['code', 'method', 'host'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the API server answered',
    labelNames: ['verb', 'host'],
    buckets: SECONDS,
    registers: [registry],
  });
  return ({ method, host, status, durationMs }) => {
    requests.inc({ code: status === 0 ? '<error>' : String(status), method, host });
    durations.observe({ verb: method, host }, durationMs / 1000);
  };
}
