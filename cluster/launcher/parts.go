package main

// parts lists the node's programs. Those that need the API server wait for it: cheaper than failing and starting again.
func parts(config *Config) []*Part {
	api := newAPI(config)
	kubernetes := func(name string, flags ...string) []string {
		return program(config, "kubernetes", append([]string{name}, flags...)...)
	}
	pki := config.pki
	all := []*Part{
		{
			Name: "etcd", Last: true, Ready: httpOK("http://127.0.0.1:2379/readyz"),
			Arguments: program(config, "etcd",
				"--name=node", "--data-dir="+config.data("etcd"),
				"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
				"--initial-cluster=node=http://127.0.0.1:2380",
				// A power cut may cost this throw-away store; ending any process does not.
				"--unsafe-no-fsync", "--auto-compaction-retention=1h", "--log-level=warn"),
		},
		{
			Name: "containerd", Ready: socketAnswers("/run/containerd/containerd.sock"),
			Arguments: []string{"/usr/bin/containerd", "--config=" + config.etc("containerd.toml"), "--log-level=warn"},
		},
		{
			Name: "kube-apiserver", Ready: api.ready, After: httpOK("http://127.0.0.1:2379/readyz"),
			Arguments: kubernetes("kube-apiserver",
				"--etcd-servers=http://127.0.0.1:2379",
				"--bind-address="+nodeIP, "--advertise-address="+nodeIP, "--secure-port="+apiPort,
				"--service-cluster-ip-range="+serviceCIDR, "--endpoint-reconciler-type=lease",
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
				"--client-ca-file="+pki("ca.crt"), "--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
				"--kubelet-certificate-authority="+pki("ca.crt"),
				"--kubelet-client-certificate="+pki("apiserver-kubelet-client.crt"), "--kubelet-client-key="+pki("apiserver-kubelet-client.key"),
				"--kubelet-preferred-address-types=InternalIP",
				"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
				"--service-account-key-file="+pki("service-accounts.pub"), "--service-account-signing-key-file="+pki("service-accounts.key"),
				"--requestheader-client-ca-file="+pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
				"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
				"--requestheader-extra-headers-prefix=X-Remote-Extra-",
				"--proxy-client-cert-file="+pki("front-proxy-client.crt"), "--proxy-client-key-file="+pki("front-proxy-client.key"),
				"--profiling=false"),
		},
		{
			Name: "kube-controller-manager", Ready: httpsAnswers("https://127.0.0.1:10257/healthz"), After: api.ready,
			Arguments: kubernetes("kube-controller-manager",
				"--kubeconfig="+config.etc("kube-controller-manager.kubeconfig"),
				"--bind-address=127.0.0.1", "--leader-elect=false", "--use-service-account-credentials=true",
				"--tls-cert-file="+pki("kube-controller-manager.crt"), "--tls-private-key-file="+pki("kube-controller-manager.key"),
				"--root-ca-file="+pki("ca.crt"), "--service-account-private-key-file="+pki("service-accounts.key"),
				"--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"),
				"--cluster-cidr="+podCIDR, "--service-cluster-ip-range="+serviceCIDR,
				// At the default rate the first service account comes five seconds later.
				"--kube-api-qps=300", "--kube-api-burst=500", "--profiling=false",
				"--flex-volume-plugin-dir="+config.data("kubelet/volume-plugins")),
		},
		{
			Name: "kube-scheduler", Ready: httpsAnswers("https://127.0.0.1:10259/healthz"), After: api.ready,
			Arguments: kubernetes("kube-scheduler",
				"--kubeconfig="+config.etc("kube-scheduler.kubeconfig"), "--bind-address=127.0.0.1", "--leader-elect=false",
				"--tls-cert-file="+pki("kube-scheduler.crt"), "--tls-private-key-file="+pki("kube-scheduler.key"), "--profiling=false"),
		},
		{
			Name: "kubelet", Ready: httpOK("http://127.0.0.1:10248/healthz"), After: api.ready,
			Arguments: kubernetes("kubelet",
				"--config="+config.etc("kubelet.json"), "--kubeconfig="+config.etc("kubelet.kubeconfig"),
				"--hostname-override="+nodeName, "--node-ip="+nodeIP, "--cert-dir="+config.data("kubelet/pki"),
				// The default lies below /usr, outside our folder.
				"--volume-plugin-dir="+config.data("kubelet/volume-plugins")),
		},
		{
			Name: "kube-proxy", Ready: httpOK("http://127.0.0.1:10256/livez"), After: api.ready,
			Arguments: kubernetes("kube-proxy", "--config="+config.etc("kube-proxy.json")),
		},
	}
	all = append(all, &Part{
		Name: "storage", Ready: api.ready, After: api.ready,
		Arguments: program(config, "storage", "--kubeconfig="+config.etc("storage.kubeconfig"), "--folder="+config.data("volumes")),
	})
	if config.Enforce {
		all = append(all, &Part{
			Name: "netpol", Ready: socketAnswers("/run/netpol/socket"), After: api.ready,
			Arguments: program(config, "netpol",
				"--kubeconfig="+config.etc("netpol.kubeconfig"), "--socket=/run/netpol/socket", "--folder=/run/netpol/pods",
				"--pod-cidr="+podCIDR),
		})
	}
	return all
}
