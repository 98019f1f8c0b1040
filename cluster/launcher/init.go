package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// runInit is PID 1 of the node: it sets the namespaces up, runs the parts, and ends when it is told to. When it ends
// for whatever reason, the kernel ends everything below it.
func runInit(config *Config) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("init is started by start, not by hand")
	}
	begin := os.NewFile(fdBegin, "begin")
	report := os.NewFile(fdReport, "report")
	if word, err := io.ReadAll(begin); err != nil || len(word) == 0 {
		return fmt.Errorf("the launcher ended before it had recorded this process")
	}
	begin.Close()
	node, err := setUp(config)
	if err != nil {
		fmt.Fprintln(report, err)
		return err
	}
	report.Close()
	return node.run()
}

// setUp does everything that can fail with a reason that the person at `up` must see.
func setUp(config *Config) (*Node, error) {
	if err := setUpMounts(config); err != nil {
		return nil, err
	}
	if err := setUpNetwork(); err != nil {
		return nil, err
	}
	if err := syscall.Sethostname([]byte(nodeName)); err != nil {
		return nil, err
	}
	if err := makeKeys(config); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	if err := writeFiles(config); err != nil {
		return nil, err
	}
	for index, forward := range config.forwards() {
		file := os.NewFile(uintptr(fdListeners+index), "listener")
		listener, err := net.FileListener(file)
		if err != nil {
			return nil, err
		}
		file.Close()
		go accept(listener, forward.Target)
	}
	node := newNode(config)
	if err := node.serveStatus(config.run("control.sock")); err != nil {
		return nil, err
	}
	return node, nil
}

// run starts the parts and waits for SIGTERM or SIGINT.
func (n *Node) run() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go n.processes.reap()
	for _, part := range n.parts {
		go n.supervise(part)
	}
	go n.watchReadiness()
	<-signals
	n.shutDown()
	return nil
}
