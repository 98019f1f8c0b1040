package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

const initVerb = "init"

// File descriptors that PID 1 inherits, after stdin, stdout and stderr: when to begin, what became of it, the listeners.
const (
	fdBegin = 3 + iota
	fdReport
	fdListeners
)

// start clones PID 1 into new namespaces and waits until they stand. A node that runs is left alone; the remains of
// one that was killed are cleared first.
func start(config *Config) error {
	for _, folder := range []string{"run", "logs", "pki", "data", "etc"} {
		if err := os.MkdirAll(config.path(folder), 0o700); err != nil {
			return err
		}
	}
	unlock, err := lock(config)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := alive(config); err == nil {
		return nil
	}
	if err := awaitEnd(config); err != nil {
		return err
	}
	if err := clearRemains(config); err != nil {
		return err
	}
	if err := makeCgroups(config.cgroup()); err != nil {
		return err
	}
	return clone(config)
}

func clone(config *Config) error {
	listeners, err := listen(config)
	if err != nil {
		return err
	}
	beginRead, beginWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	reportRead, reportWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	output, err := os.OpenFile(config.log("launcher.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	process := exec.Command("/proc/self/exe", initVerb, config.path("launcher.json"))
	process.Args[0] = "rlhf-cluster-" + config.Name
	process.Dir = "/"
	process.Stdout, process.Stderr = output, output
	process.ExtraFiles = append([]*os.File{beginRead, reportWrite}, listeners...)
	process.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("new namespaces: %w (root with CAP_SYS_ADMIN is needed)", err)
	}
	beginRead.Close()
	reportWrite.Close()
	if err := writePIDFile(config, process.Process.Pid); err != nil {
		beginWrite.Close() // without the word to begin, PID 1 ends
		return err
	}
	if _, err := beginWrite.Write([]byte{1}); err != nil {
		return err
	}
	beginWrite.Close()
	// PID 1 closes the pipe without a word when its namespaces stand.
	report, err := io.ReadAll(reportRead)
	if err != nil {
		return err
	}
	if len(report) > 0 {
		return fmt.Errorf("%s", strings.TrimSpace(string(report)))
	}
	return nil
}

// listen opens the host's sockets before the namespaces are left behind: PID 1 accepts on them from inside.
func listen(config *Config) ([]*os.File, error) {
	var files []*os.File
	for _, forward := range config.forwards() {
		listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", forward.Listen))
		if err != nil {
			return nil, fmt.Errorf("port %d of 127.0.0.1 is taken: %w", forward.Listen, err)
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (c *Config) forwards() []Forward {
	return append([]Forward{{Listen: c.APIPort, Target: net.JoinHostPort(nodeIP, apiPort)}}, c.Forwards...)
}
