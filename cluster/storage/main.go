// Command storage makes volumes: a folder of the node each, for claims of the class that names this provisioner. One node
// has one set of folders, so that every access mode holds.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const provisionerName = "rlhf-audit-trail.dev/local"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "credentials for the API server")
	folder := flag.String("folder", "", "folder that holds the volumes")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, *kubeconfig, *folder); err != nil {
		slog.Error("storage ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, folder string) error {
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("--folder %q is not an absolute path", folder)
	}
	if err := os.MkdirAll(folder, 0o711); err != nil {
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
	controller.NewProvisionController(ctx, client, provisionerName, &folders{folder},
		controller.LeaderElection(false), controller.ResyncPeriod(0)).Run(ctx)
	return nil
}

// folders makes and removes a volume's folder.
type folders struct{ root string }

// Provision makes a folder that any user may write to: the pods' users are not known here.
func (f *folders) Provision(_ context.Context, options controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	path, err := f.path(options.PVName)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.Chmod(path, 0o777); err != nil { // whatever the umask
		return nil, controller.ProvisioningFinished, err
	}
	kind := corev1.HostPathDirectory
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: options.PVC.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a volume that nothing claims any more.
func (f *folders) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	path, err := f.path(volume.Name)
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// path never leaves the root, whatever a volume is called.
func (f *folders) path(name string) (string, error) {
	if name == "" || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return "", fmt.Errorf("volume name %q can't name a folder", name)
	}
	return filepath.Join(f.root, name), nil
}
