// One program that is etcd, kube-apiserver, kube-controller-manager or kubectl, chosen by the name that it is called by;
// with the build tag "nodes" (nodes.go) also what runs on nodes.
// For tests and for trying things out; built by hack/kubernetes-build.sh. One program instead of four, since nearly all
// of it is common to the four.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
}

func main() {
	if os.Getenv("EXIT_WITH_PARENT") != "" {
		go exitWithParent(os.Getppid())
	}
	name := filepath.Base(os.Args[0])
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command, found := components[name]
	if !found {
		fmt.Fprintf(os.Stderr, "Cannot run %q: call this program by the name of a component of Kubernetes\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}

// However the parent ended: the servers of a test run that was killed would otherwise stay for ever.
func exitWithParent(parent int) {
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}
