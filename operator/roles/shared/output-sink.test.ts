import { sampleBatch } from '../../../test/fixtures/denial-fixture.ts';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { outputSink } from './output-sink.ts';

test('outputSink() writes a line for each row, and says how far it is when it is asked again', async () => {
  const lines: unknown[] = [];
  const logger = { info: (message: string, fields?: object) => void lines.push({ message, ...fields }) };
  const sink = outputSink(logger, 'denial', DENIAL_COLUMNS);
  expect(await sink.progress('gw-1')).toEqual({ positions: new Map(), lastSequence: 0 });
  const batches = [sampleBatch(0, 2), sampleBatch(2, 3), { ...sampleBatch(3, 4), denials: [] }];
  for (const batch of batches) await sink.append(batch);
  expect(lines).toMatchObject([1, 2, 3].map((sequence) => ({ message: 'denial', sequence })));
  expect(await sink.progress('gw-1')).toEqual({
    positions: new Map([['access.log', batches[2]?.upTo]]),
    lastSequence: 3,
  });
});
