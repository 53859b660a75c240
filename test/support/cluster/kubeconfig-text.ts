// Server, its authority and the credentials of a user -> the text of a kubeconfig that any client can use.
import type { CertifiedKey } from './client-authority.ts';

export type KubeconfigUser = CertifiedKey | { readonly token: string };

export function kubeconfigText(server: string, caCertificate: string, user: KubeconfigUser): string {
  const name = 'sallyport';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(caCertificate) } }],
    users: [{ name, user: credentials(user) }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  // Every JSON text is YAML as well.
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function credentials(user: KubeconfigUser): Readonly<Record<string, string>> {
  if ('token' in user) return { token: user.token };
  return {
    'client-certificate-data': base64(user.certificate),
    'client-key-data': base64(user.key),
  };
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}
