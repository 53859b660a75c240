// What people are told where nothing of Sallyport is found.
export function nothingRuns(namespace: string): string {
  return `Cannot find anything of Sallyport in Namespace "${namespace}": install its chart, or name its Namespace with --system-namespace; where it is installed, see "kubectl get pods -n ${namespace}"`;
}
