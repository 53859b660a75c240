// What clouds serve to their own machines, by address and by name: credentials, user data, name servers and clocks.
// Data only, each row with the document that says so; what follows from it is in special-address.ts.
export interface MetadataService {
  readonly provider: string;
  readonly service: string;
  readonly addresses: readonly string[];
  /** Canonical names: lower case, without a trailing dot. */
  readonly names?: readonly string[];
  readonly source: string;
}

const AWS = 'https://docs.aws.amazon.com';
const AWS_VPC_SERVICES = `${AWS}/whitepapers/latest/ipv6-on-aws/supporting-amazon-vpc-services.html`;

export const METADATA_SERVICES: readonly MetadataService[] = [
  {
    provider: 'AWS',
    service: 'instance metadata',
    addresses: ['169.254.169.254', 'fd00:ec2::254'],
    names: ['instance-data.ec2.internal'],
    source: AWS_VPC_SERVICES,
  },
  {
    provider: 'AWS',
    service: 'DNS',
    addresses: ['169.254.169.253', 'fd00:ec2::253'],
    source: AWS_VPC_SERVICES,
  },
  {
    provider: 'AWS',
    service: 'time',
    addresses: ['169.254.169.123', 'fd00:ec2::123'],
    source: AWS_VPC_SERVICES,
  },
  {
    provider: 'AWS',
    service: 'credentials of ECS tasks',
    addresses: ['169.254.170.2'],
    source: `${AWS}/AmazonECS/latest/developerguide/task-iam-roles.html`,
  },
  {
    provider: 'AWS',
    service: 'EKS Pod Identity',
    addresses: ['169.254.170.23', 'fd00:ec2::23'],
    source: `${AWS}/eks/latest/userguide/pod-id-agent-setup.html`,
  },
  {
    provider: 'Azure',
    service: 'instance metadata',
    addresses: ['169.254.169.254'],
    source: 'https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service',
  },
  {
    provider: 'Azure',
    service: 'WireServer, DNS, DHCP and health probes; a public address',
    addresses: ['168.63.129.16'],
    source: 'https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16',
  },
  {
    provider: 'Google Cloud',
    service: 'instance metadata',
    addresses: ['169.254.169.254', 'fd20:ce::254'],
    names: ['metadata.google.internal', 'metadata.goog'],
    source: 'https://cloud.google.com/compute/docs/metadata/querying-metadata',
  },
  {
    provider: 'Oracle Cloud',
    service: 'instance metadata',
    addresses: ['169.254.169.254', 'fd00:c1::a9fe:a9fe'],
    source: 'https://docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm',
  },
  {
    provider: 'Oracle Cloud',
    service: 'instance metadata of Compute Classic',
    addresses: ['192.0.0.192'],
    source:
      'https://docs.oracle.com/en/cloud/iaas/compute-iaas-cloud/stcsg/retrieving-instance-metadata.html',
  },
  {
    provider: 'Alibaba Cloud',
    service: 'instance metadata',
    addresses: ['100.100.100.200', 'fd00:100::100:200'],
    source: 'https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata',
  },
  {
    provider: 'IBM Cloud',
    service: 'instance metadata',
    addresses: ['169.254.169.254'],
    names: ['api.metadata.cloud.ibm.com'],
    source: 'https://cloud.ibm.com/docs/vpc?topic=vpc-imd-about',
  },
  {
    provider: 'DigitalOcean',
    service: 'droplet metadata',
    addresses: ['169.254.169.254'],
    source: 'https://docs.digitalocean.com/reference/api/metadata/',
  },
  {
    provider: 'Tencent Cloud',
    service: 'instance metadata',
    addresses: ['169.254.0.23'],
    names: ['metadata.tencentyun.com'],
    source: 'https://www.tencentcloud.com/document/product/213/4934',
  },
  {
    provider: 'OpenStack',
    service: 'instance metadata',
    addresses: ['169.254.169.254', 'fe80::a9fe:a9fe'],
    source: 'https://docs.openstack.org/nova/latest/user/metadata.html',
  },
  {
    provider: 'Hetzner Cloud',
    service: 'server metadata',
    addresses: ['169.254.169.254'],
    source: 'https://docs.hetzner.cloud/reference/cloud#description/server-metadata',
  },
  {
    provider: 'Scaleway',
    service: 'instance metadata',
    addresses: ['169.254.42.42', 'fd00:42::42'],
    source: 'https://www.scaleway.com/en/docs/instances/how-to/use-metadata/',
  },
  {
    provider: 'Akamai (Linode)',
    service: 'instance metadata',
    addresses: ['169.254.169.254', 'fd00:a9fe:a9fe::1'],
    source: 'https://techdocs.akamai.com/cloud-computing/docs/metadata-service-api',
  },
  {
    provider: 'Exoscale',
    service: 'instance metadata',
    addresses: ['169.254.169.254'],
    names: ['metadata.exoscale.com'],
    source: 'https://community.exoscale.com/product/compute/instances/how-to/user-data/',
  },
];
