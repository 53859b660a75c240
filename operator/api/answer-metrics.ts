// Answers of the API as numbers, by call and status.
import { Counter, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30];

export function measureAnswers(
  registry: Registry,
): (call: string, status: number, durationMs: number) => void {
  const answers = new Counter({
    name: 'sallyport_api_answers_total',
    help: 'Answers of the REST API, by call and status',
    labelNames: ['call', 'code'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'sallyport_api_answer_duration_seconds',
    help: 'Time until the REST API answered',
    labelNames: ['call'],
    buckets: SECONDS,
    registers: [registry],
  });
  return (call, status, durationMs) => {
    answers.inc({ call, code: String(status) });
    durations.observe({ call }, durationMs / 1000);
  };
}
