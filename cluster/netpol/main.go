// Command netpol enforces NetworkPolicies on one node: it watches the API, compiles what it sees into one nftables table
// and swaps that table atomically. When it ends, the table stays: what was forbidden remains forbidden, new pods wait.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "credentials for the API server")
	socket := flag.String("socket", "/run/netpol/socket", "Unix socket that the CNI plugin asks")
	folder := flag.String("folder", "/run/netpol/pods", "folder of the CNI plugin's attachments")
	podCIDR := flag.String("pod-cidr", "", "addresses of pods; those that no known pod has get nothing through")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, *kubeconfig, *socket, *folder, *podCIDR); err != nil {
		slog.Error("netpol ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, socket, folder, podCIDR string) error {
	network, err := netip.ParsePrefix(podCIDR)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	enforcer := newEnforcer(folder, network)
	if err := enforcer.watch(ctx, client); err != nil {
		return err
	}
	if err := enforcer.serve(ctx, socket); err != nil {
		return err
	}
	return enforcer.loop(ctx)
}
