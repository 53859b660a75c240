// For "helm test": whether the API server serves every kind of ours, and an operator and a gateway are ready. Says what
// is missing, and exits with 1, where one is not.
import { readFile } from 'node:fs/promises';

const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KINDS, READY_PAGES, TOKEN_FILE } = process.env;
const TIMEOUT_MS = 10_000;
const faults = [];

async function get(url, headers = {}) {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: 0, text: String(error.cause ?? error) };
  }
}

const token = (await readFile(TOKEN_FILE, 'utf8')).trim();
const address = host.includes(':') ? `[${host}]` : host;
const served = await get(`https://${address}:${port}/apis/sallyport.dev/v1alpha1`, { authorization: `Bearer ${token}` });
const kinds = served.status === 200 ? JSON.parse(served.text).resources.map(({ kind }) => kind) : [];
const missing = KINDS.split(' ').filter((kind) => !kinds.includes(kind));
if (missing.length > 0) {
  faults.push(`The API server does not serve ${missing.join(', ')} of sallyport.dev/v1alpha1 (status ${served.status}): install the CRDs`);
}
for (const page of READY_PAGES.split(' ')) {
  const { status, text } = await get(page);
  if (status !== 200) faults.push(`"${page}" is not ready (status ${status}): ${text.trim()}; look at the pods behind it`);
}
console.log(faults.join('\n') || 'All kinds are served, and an operator and a gateway are ready');
process.exitCode = faults.length === 0 ? 0 : 1;
