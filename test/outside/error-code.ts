// The code of an error that Node raised ("ECONNRESET"), or undefined.
// By shape, not by `instanceof Error`: under jest the errors of Node's own modules belong to another realm.
export function errorCode(error: unknown): string | undefined {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : undefined;
}
