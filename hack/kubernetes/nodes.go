//go:build nodes

// What runs on nodes, for hack/kind.sh. Left out of the test control plane, whose build would take a fifth longer.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func init() {
	components["kube-proxy"] = proxy.NewProxyCommand
	components["kube-scheduler"] = func() *cobra.Command { return scheduler.NewSchedulerCommand() }
	components["kubelet"] = func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }
	components["kubeadm"] = func() *cobra.Command {
		return &cobra.Command{DisableFlagParsing: true, Run: func(*cobra.Command, []string) {
			if kubeadm.Run() != nil {
				os.Exit(1)
			}
		}}
	}
}
