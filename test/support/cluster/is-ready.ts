// Whether the API server at "https://host:port" says that it is ready; false where it does not answer at all.
import { request } from 'node:https';

export function isReady(server: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(`${server}/readyz`, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
