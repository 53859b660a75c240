// Starts a control plane in a folder, which goes on when this program has ended; for hack/kube-apiserver.sh.
import { startControlPlane } from '../test/support/cluster/control-plane.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined || folder === '--help') {
  console.log(
    'Usage: hack/kube-apiserver.ts DIR\n\nFor "hack/kube-apiserver.sh up", which keeps its state in DIR.',
  );
} else {
  await startControlPlane({ folder, outlivesParent: true, withTypeChecks: true });
}
