package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Config is what the command line writes for the launcher; all paths are absolute.
type Config struct {
	// Name of the cluster: part of cgroup names and host name.
	Name string `json:"name"`
	// State is the cluster's own folder: data, logs, keys, sockets. Nothing is written outside it.
	State string `json:"state"`
	// Binaries: folder that holds kubernetes, etcd, netpol and netpol-cni.
	Binaries string `json:"binaries"`
	// CNIPlugins: folder of the standard plugins (ptp, host-local, loopback, tuning).
	CNIPlugins string `json:"cniPlugins"`
	// PauseImage: the image that holds a pod's namespaces.
	PauseImage string `json:"pauseImage"`
	// Enforce NetworkPolicies. False is the tests' negative control.
	Enforce bool `json:"enforce"`
	// APIPort on the host's 127.0.0.1 that reaches the API server.
	APIPort int `json:"apiPort"`
	// Forwards are further ports of the host's 127.0.0.1 that reach into the node's network.
	Forwards []Forward `json:"forwards"`
}

// Forward sends connections to 127.0.0.1:Listen on the host to Target ("address:port") inside.
type Forward struct {
	Listen int    `json:"listen"`
	Target string `json:"target"`
}

// Addresses are the same in every cluster: each has a network of its own that nothing leaves.
const (
	nodeName     = "local-node"
	nodeIP       = "10.245.0.1"
	podCIDR      = "10.244.0.0/24"
	serviceCIDR  = "10.96.0.0/16"
	firstService = "10.96.0.1"
	dnsService   = "10.96.0.10"
	apiPort      = "6443"
)

var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$`)

func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := &Config{}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !validName.MatchString(config.Name) {
		return nil, fmt.Errorf("%s: name %q: 1 to 20 of a-z, 0-9 and -, beginning with a letter, not ending with -", path, config.Name)
	}
	for field, value := range map[string]string{"state": config.State, "binaries": config.Binaries, "cniPlugins": config.CNIPlugins} {
		if !filepath.IsAbs(value) {
			return nil, fmt.Errorf("%s: %s %q is not an absolute path", path, field, value)
		}
	}
	return config, nil
}

func (c *Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.State}, parts...)...)
}

// pki, run, log, data and etc are the folders below State.
func (c *Config) pki(name string) string  { return c.path("pki", name) }
func (c *Config) run(name string) string  { return c.path("run", name) }
func (c *Config) log(name string) string  { return c.path("logs", name) }
func (c *Config) data(name string) string { return c.path("data", name) }
func (c *Config) etc(name string) string  { return c.path("etc", name) }

// cgroup is the cluster's own group in every hierarchy.
func (c *Config) cgroup() string { return "rlhf-" + c.Name }
