// Objects of the way in, as people write them.
export function listYaml(
  namespace: string,
  name: string,
  spec: Readonly<Record<string, unknown>>,
  metadata: Readonly<Record<string, unknown>> = {},
): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: IpAccessList
metadata: ${JSON.stringify({ ...metadata, name, namespace })}
spec: ${JSON.stringify({ label: name, listType: 'ALLOW', ...spec })}
`;
}

export function confYaml(
  namespace: string,
  spec: Readonly<Record<string, unknown>>,
  annotations: Readonly<Record<string, string>> = {},
): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: WorkspaceConf
metadata: ${JSON.stringify({ name: 'workspace', namespace, annotations })}
spec: ${JSON.stringify(spec)}
`;
}
