import { describeLag } from './collector-lag.ts';

function page(direction: string, counts: readonly (readonly [string, number])[]): string {
  return counts
    .map(
      ([le, count]) =>
        `sallyport_collector_lag_seconds_bucket{le="${le}",direction="${direction}"} ${count}\n`,
    )
    .join('');
}

test.each<[readonly (readonly [string, number])[], string]>([
  [[], 'no batch since it started'],
  [
    [
      ['0.1', 98],
      ['5', 99],
      ['+Inf', 100],
    ],
    '99 of 100 batches stored within 5 s of their oldest denial, of 100 since it started',
  ],
  [
    [
      ['0.1', 1],
      ['5', 1],
      ['+Inf', 100],
    ],
    '99 of 100 batches stored later than 5 s of their oldest denial, of 100 since it started',
  ],
])('describeLag() says of %j: %s', (counts, sentence) => {
  const other = page('inbound', [['+Inf', 0]]);
  expect(describeLag(`${other}# HELP x\n${page('outbound', counts)}`)).toEqual([
    `outbound: ${sentence}`,
    'inbound: no batch since it started',
  ]);
});
