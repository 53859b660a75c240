// After the end-to-end suite: the outside world ends; the cluster and what is on it stay for people to look at.
export default function tearDown(): void {
  (globalThis as { stopOutside?: () => void }).stopOutside?.();
}
