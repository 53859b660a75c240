// The metrics of a collector -> how long denials waited until they were stored, for people.
const BUCKET = /^sallyport_collector_lag_seconds_bucket\{([^}]*)\} (\d+)$/;
const SHARE = 0.99;

/** A sentence for each direction that has batches. `text` is a page of Prometheus metrics. */
export function describeLag(text: string): readonly string[] {
  return ['outbound', 'inbound'].map((direction) => lagOf(bucketsOf(text, direction), direction));
}

type Bucket = readonly [number, number];

function bucketsOf(text: string, direction: string): readonly Bucket[] {
  return text
    .split('\n')
    .flatMap((line): readonly Bucket[] => {
      const [, labels = '', count] = BUCKET.exec(line) ?? [];
      const [, bound] = /le="([^"]+)"/.exec(labels) ?? [];
      if (bound === undefined || !labels.includes(`direction="${direction}"`)) return [];
      return [[bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), Number(count)]];
    })
    .toSorted(([a], [b]) => a - b);
}

function lagOf(buckets: readonly Bucket[], direction: string): string {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return `${direction}: no batch since it started`;
  const [bound = 0] = buckets.find(([, count]) => count >= SHARE * total) ?? [];
  const within = Number.isFinite(bound) ? `within ${bound} s` : `later than ${buckets.at(-2)?.[0] ?? 0} s`;
  return `${direction}: 99 of 100 batches stored ${within} of their oldest denial, of ${total} since it started`;
}
