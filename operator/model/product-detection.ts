// How the product of a pod is recognised from the labels that operators of other projects put on it, where the pod does
// not name its product itself. Admission policies are generated from this table.
import { PRODUCTS, type Product } from './product.ts';
import { PRODUCT_LABEL } from './stamp.ts';
import { carries, type ProductMark, WORKLOAD_KINDS } from './workload-kind.ts';

/** In the order of the workloads: the first product of which one mark fits. */
export const PRODUCT_DETECTION: readonly (readonly [Product, readonly ProductMark[]])[] = [
  ...Map.groupBy(WORKLOAD_KINDS, ({ product }) => product),
].flatMap(([product, kinds]) =>
  product === undefined ? [] : [[product, kinds.flatMap(({ marks }) => marks)] as const],
);

/** What admission wrote goes before what other operators did; null where nothing names a product. */
export function productOfLabels(labels: Readonly<Record<string, string>>): Product | null {
  const stamped = PRODUCTS.find((product) => product === labels[PRODUCT_LABEL]);
  if (stamped !== undefined) return stamped;
  return PRODUCT_DETECTION.find(([, marks]) => marks.some((mark) => carries(labels, mark)))?.[0] ?? null;
}
