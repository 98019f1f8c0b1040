package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Part is one program of the node.
type Part struct {
	// Name is also the name of its log file.
	Name string
	// Arguments begin with the program's path.
	Arguments []string
	// After must hold before the part is started; nil means at once. It is asked again and again.
	After func() error
	// Ready tells whether the part does its work.
	Ready func() error
	// Last marks a part that is ended after the others, because they write to it while they end.
	Last bool
}

// Node is the running set of parts.
type Node struct {
	config    *Config
	parts     []*Part
	processes *Processes
	api       *api
	started   time.Time

	mutex    sync.Mutex
	running  map[string]*running
	stopping bool
	milestones
}

type running struct {
	pid      int
	restarts int
	since    time.Time
	ready    bool
	reason   string
}

func newNode(config *Config) *Node {
	node := &Node{config: config, processes: newProcesses(), api: newAPI(config), started: time.Now(), running: map[string]*running{}}
	node.milestones.at = map[string]float64{}
	node.parts = parts(config)
	for _, part := range node.parts {
		node.running[part.Name] = &running{}
	}
	return node
}

const (
	restartPause = time.Second
	// A log beyond this size is set aside when its part starts; one older generation is kept.
	logLimit = 64 << 20
)

// supervise starts a part, and again one second after it ended, until the node is stopped.
func (n *Node) supervise(part *Part) {
	for part.After != nil && part.After() != nil {
		time.Sleep(50 * time.Millisecond)
	}
	for {
		ended, err := n.launch(part)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s %s: %v\n", time.Now().UTC().Format(time.RFC3339), part.Name, err)
			time.Sleep(restartPause)
			continue
		}
		if ended == nil {
			return
		}
		status := <-ended
		if n.noteEnd(part) {
			return
		}
		fmt.Fprintf(os.Stderr, "%s %s ended (%s), started again\n", time.Now().UTC().Format(time.RFC3339), part.Name, describe(status))
		time.Sleep(restartPause)
	}
}

func (n *Node) launch(part *Part) (<-chan syscall.WaitStatus, error) {
	path := n.config.log(part.Name + ".log")
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.stopping {
		return nil, nil
	}
	pid, ended, err := n.processes.start(part.Arguments, n.environment(), log)
	if err != nil {
		return nil, err
	}
	state := n.running[part.Name]
	state.pid, state.since = pid, time.Now()
	return ended, nil
}

// noteEnd reports whether the part ended because the node is being stopped.
func (n *Node) noteEnd(part *Part) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	state := n.running[part.Name]
	state.pid, state.ready = 0, false
	if !n.stopping {
		state.restarts++
	}
	return n.stopping
}

func (n *Node) environment() []string {
	return []string{
		"PATH=" + n.config.Binaries + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + n.config.run(""),
		"TMPDIR=/run",
		// Small heaps are collected all the time; a small cluster has the memory to do so less often.
		"GOGC=300",
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// shutDown ends the parts in two waves, so that what they write last is stored; what takes longer (the API server would wait for
// its watchers) is ended by the kernel with us, as pods are.
func (n *Node) shutDown() {
	n.mutex.Lock()
	n.stopping = true
	n.mutex.Unlock()
	for _, last := range []bool{false, true} {
		for _, part := range n.parts {
			if part.Last == last {
				n.signal(part, syscall.SIGTERM)
			}
		}
		n.waitStopped(last, 2*time.Second)
	}
}

func (n *Node) signal(part *Part, signal syscall.Signal) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if pid := n.running[part.Name].pid; pid > 0 {
		if err := syscall.Kill(pid, signal); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", part.Name, err)
		}
	}
}

func (n *Node) waitStopped(last bool, limit time.Duration) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		alive := false
		n.mutex.Lock()
		for _, part := range n.parts {
			alive = alive || part.Last == last && n.running[part.Name].pid > 0
		}
		n.mutex.Unlock()
		if !alive {
			return
		}
	}
}

func program(config *Config, name string, arguments ...string) []string {
	return append([]string{filepath.Join(config.Binaries, name)}, arguments...)
}
