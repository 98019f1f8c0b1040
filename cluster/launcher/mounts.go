package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// kubeletSysctls are the machine-wide values that the kubelet insists on. It finds them here, in files of our own laid
// over /proc/sys in our mount namespace, and so has no reason to write the host's.
var kubeletSysctls = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// privateFolders get an empty file system of our own, so that the node's parts may use their default paths there and
// the host sees nothing of it.
var privateFolders = []string{"/run", "/var/lib", "/var/log"}

// setUpMounts makes the mount namespace private and lays the node's folders over the default paths.
func setUpMounts(config *Config) error {
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SLAVE, ""); err != nil {
		return err
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := hideHostFolders([]string{config.State, config.Binaries}); err != nil {
		return err
	}
	for target, source := range map[string]string{
		"/var/lib/kubelet": config.data("kubelet"),
		"/var/lib/cni":     config.data("cni"),
		"/var/log/pods":    config.log("pods"),
	} {
		if err := bindFolder(source, target); err != nil {
			return err
		}
	}
	for _, folder := range []string{"/run/containerd", "/run/netns", "/run/lock", "/run/netpol", "/var/log/containers"} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return coverSysctls()
}

// hideHostFolders mounts empty file systems over privateFolders; of what lies below them only the kept folders stay.
func hideHostFolders(keep []string) error {
	kept := map[string]*os.File{}
	for _, folder := range keep {
		for _, private := range privateFolders {
			if strings.HasPrefix(folder, private+"/") {
				file, err := os.Open(folder)
				if err != nil {
					return err
				}
				defer file.Close()
				kept[folder] = file
			}
		}
	}
	for _, private := range privateFolders {
		if err := mount("tmpfs", private, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0755"); err != nil {
			return err
		}
	}
	for folder, file := range kept {
		if err := bindFolder(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), folder); err != nil {
			return err
		}
	}
	return nil
}

func bindFolder(source, target string) error {
	if !strings.HasPrefix(source, "/proc/self/fd/") {
		if err := os.MkdirAll(source, 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, "")
}

func coverSysctls() error {
	for name, value := range kubeletSysctls {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue
		}
		source := filepath.Join("/run/sysctls", strings.ReplaceAll(name, "/", "."))
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(source, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := mount(source, target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s %s on %s: %w", kind, source, target, err)
	}
	return nil
}

// setUpNetwork makes a network of one node without uplink: loopback carries the node's address.
func setUpNetwork() error {
	for _, arguments := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", nodeIP + "/32", "dev", "lo"},
		// Without a route, connect() to a Service fails before kube-proxy's rules see the packet.
		{"route", "add", serviceCIDR, "dev", "lo", "src", nodeIP},
	} {
		if output, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, output)
		}
	}
	for name, value := range map[string]string{
		"net/ipv4/ip_forward": "1",
		// A pod that lies about its address is not heard.
		"net/ipv4/conf/all/rp_filter":     "1",
		"net/ipv4/conf/default/rp_filter": "1",
		// A load generator inside would otherwise run out of source ports: each stays reserved for a minute.
		"net/ipv4/tcp_tw_reuse": "1",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}
