// Kubernetes' MicroTime has six digits behind the second, where JavaScript has three; fewer are rejected.

export function microTime(time: Date): string {
  return time.toISOString().replace(/Z$/, '000Z');
}
