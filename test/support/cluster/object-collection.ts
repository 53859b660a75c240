// An object -> the path of the collection that it belongs to, by the rule that all plurals of these tests follow.
export interface Creatable {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

type Placed = Pick<Creatable, 'apiVersion' | 'kind' | 'metadata'>;

export function collectionOf({ apiVersion, kind, metadata }: Placed): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const home = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  const plural = kind.toLowerCase().replace(/y$/, 'ie');
  return `${root}${home}/${plural}s`;
}
