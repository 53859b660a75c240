// A server's certificate with an authority of its own, whose key signs nothing else and is forgotten: so whoever trusts
// the authority trusts this certificate alone. @peculiar/x509 is loaded only where one is made.
import type { CertificateWish, IssuedCertificate } from './build-certificate.ts';
import './reflect-metadata.ts';

export async function issueCertificate(wish: CertificateWish): Promise<IssuedCertificate> {
  // Not a static import: it would be loaded before the file above has run.
  const { buildCertificate } = await import('./build-certificate.ts');
  return buildCertificate(wish);
}
