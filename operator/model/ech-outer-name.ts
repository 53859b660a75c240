// Outer server names of Encrypted Client Hello: any site of the provider is behind them, so that such a name says
// nothing about where a connection leads.

/** Canonical names. */
export const ECH_OUTER_NAMES: readonly string[] = ['cloudflare-ech.com'];
