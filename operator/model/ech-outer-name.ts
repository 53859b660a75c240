// Server names that clients show in place of the one they mean (Encrypted Client Hello): behind them is any site of the
// provider, so that a name of that kind says nothing about where a connection leads.

/** Canonical names. */
export const ECH_OUTER_NAMES: readonly string[] = ['cloudflare-ech.com'];
