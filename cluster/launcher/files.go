package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeFiles writes the configuration files and kubeconfigs that the parts read.
func writeFiles(config *Config) error {
	inside := "https://" + nodeIP + ":" + apiPort
	files := map[string]any{
		config.etc("kubelet.json"):                     kubeletConfig(config),
		config.etc("kube-proxy.json"):                  proxyConfig(config),
		config.path("cni", "conf", "10-pods.conflist"): cniConfig(config),
		config.etc("resolv.conf"):                      "",
		config.etc("containerd.toml"):                  containerdConfig(config),
	}
	var err error
	if files[config.path("kubeconfig")], err = kubeconfig(config, "admin", fmt.Sprintf("https://127.0.0.1:%d", config.APIPort)); err != nil {
		return err
	}
	for _, user := range []string{"admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "netpol", "storage"} {
		if files[config.etc(user+".kubeconfig")], err = kubeconfig(config, user, inside); err != nil {
			return err
		}
	}
	for path, content := range files {
		text, isText := content.(string)
		if !isText {
			encoded, err := json.MarshalIndent(content, "", "  ")
			if err != nil {
				return err
			}
			text = string(encoded) + "\n"
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := replaceFile(path, []byte(text)); err != nil {
			return err
		}
	}
	return linkPlugins(config)
}

// linkPlugins gathers the standard CNI plugins and ours in the one folder that containerd looks into.
func linkPlugins(config *Config) error {
	folder := config.path("cni", "bin")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, plugin := range []string{"ptp", "host-local", "loopback", "tuning"} {
		if err := os.Symlink(filepath.Join(config.CNIPlugins, plugin), filepath.Join(folder, plugin)); err != nil {
			return err
		}
	}
	return os.Symlink(filepath.Join(config.Binaries, "netpol-cni"), filepath.Join(folder, "netpol-cni"))
}

type object = map[string]any

// kubeconfig carries keys inside, so that one file can be handed on.
func kubeconfig(config *Config, user, server string) (object, error) {
	var failed error
	read := func(name string) []byte {
		text, err := os.ReadFile(config.pki(name))
		failed = errors.Join(failed, err)
		return text
	}
	cluster := "rlhf-" + config.Name
	content := object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": cluster,
		"clusters":        []object{{"name": cluster, "cluster": object{"server": server, "certificate-authority-data": read("ca.crt")}}},
		"users":           []object{{"name": cluster + "-" + user, "user": object{"client-certificate-data": read(user + ".crt"), "client-key-data": read(user + ".key")}}},
		"contexts":        []object{{"name": cluster, "context": object{"cluster": cluster, "user": cluster + "-" + user}}},
	}
	return content, failed
}

func kubeletConfig(config *Config) object {
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": object{
			"anonymous": object{"enabled": false},
			"webhook":   object{"enabled": true},
			"x509":      object{"clientCAFile": config.pki("ca.crt")},
		},
		"authorization":            object{"mode": "Webhook"},
		"address":                  nodeIP,
		"healthzBindAddress":       "127.0.0.1",
		"tlsCertFile":              config.pki("kubelet.crt"),
		"tlsPrivateKeyFile":        config.pki("kubelet.key"),
		"clusterDomain":            "cluster.local",
		"clusterDNS":               []string{dnsService},
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               "/" + config.cgroup(),
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"resolvConf":               config.etc("resolv.conf"),
		// The machine's disk is the person's: never collect images because something else has filled it.
		"imageGCHighThresholdPercent": 100,
		"evictionHard":                object{"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%"},
	}
}

func proxyConfig(config *Config) object {
	return object{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "nftables",
		"bindAddress":        nodeIP,
		"healthzBindAddress": "127.0.0.1:10256",
		"metricsBindAddress": "127.0.0.1:10249",
		"hostnameOverride":   nodeName,
		"clientConnection":   object{"kubeconfig": config.etc("kube-proxy.kubeconfig")},
		"detectLocalMode":    "ClusterCIDR",
		"clusterCIDR":        podCIDR,
		// Not writable from a network namespace that is not the machine's first.
		"conntrack": object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
	}
}

// cniConfig gives each pod a routed interface (ptp): whatever a pod sends passes the node's forward hook, where policies
// are enforced. A bridge would not do: IPv6 and forged addresses walk past (both were measured).
func cniConfig(config *Config) object {
	plugins := []object{
		{
			"type":   "ptp",
			"ipMasq": false,
			"ipam": object{
				"type":   "host-local",
				"ranges": [][]object{{{"subnet": podCIDR}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			},
		},
		{"type": "tuning", "sysctl": object{"net.ipv6.conf.all.disable_ipv6": "1"}},
	}
	if config.Enforce {
		plugins = append(plugins, object{"type": "netpol-cni", "socket": "/run/netpol/socket", "folder": "/run/netpol/pods"})
	}
	return object{"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}
}

func containerdConfig(config *Config) string {
	return fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
# The opt plugin would make a folder outside ours; the snapshotters are not used.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Without CAP_SYS_RESOURCE a lower oom_score_adj than our own can't be set.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`, config.data("containerd"), config.PauseImage, config.path("cni", "bin"), config.path("cni", "conf"))
}
