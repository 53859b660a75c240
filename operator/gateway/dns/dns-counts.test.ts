import { Registry } from 'prom-client';
import { samplesOf } from '../../../test/support/samples.ts';
import { DnsCounts, measureDns } from './dns-counts.ts';

test('measureDns() counts questions by what became of them', async () => {
  const registry = new Registry();
  const counts = new DnsCounts();
  measureDns(registry, counts);
  counts.questions.noName = 3;
  counts.folded = 2;
  counts.dropped = 4;
  expect(await samplesOf(registry, 'sallyport_dns_questions_total')).toEqual(
    expect.arrayContaining([
      'sallyport_dns_questions_total{outcome="noName"} 3',
      'sallyport_dns_questions_total{outcome="tooMany"} 0',
    ]),
  );
  expect(await samplesOf(registry, 'sallyport_dns_folded_total')).toEqual(['sallyport_dns_folded_total 2']);
  expect(await samplesOf(registry, 'sallyport_dns_dropped_total')).toEqual(['sallyport_dns_dropped_total 4']);
});
