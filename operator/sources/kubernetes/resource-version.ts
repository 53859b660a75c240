// Versions of the API server: numbers that only grow, over all objects of a kind, and may outgrow a double.

/** False where one of them is no number, since then they cannot be compared. */
export function isOlderVersion(version: string, than: string): boolean {
  return isNumber(version) && isNumber(than) && BigInt(version) < BigInt(than);
}

function isNumber(version: string): boolean {
  return /^\d+$/.test(version);
}
