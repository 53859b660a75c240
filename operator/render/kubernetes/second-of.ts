// A moment -> the text that statuses and Events have of it: the API server stores whole seconds.
/** "2027-01-31T00:00:00Z" */
export function secondOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}
