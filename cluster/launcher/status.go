package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Status is what the control socket answers to GET /status.
type Status struct {
	// Started is when PID 1 began, RFC 3339.
	Started string `json:"started"`
	// Ready: every part is ready and the node's heartbeat is newer than Started.
	Ready bool `json:"ready"`
	// Milestones: seconds from Started until something was first seen ready.
	Milestones map[string]float64 `json:"milestones"`
	Parts      []PartStatus       `json:"parts"`
}

// PartStatus is one row of `status`.
type PartStatus struct {
	Name string `json:"name"`
	// PID inside the node's namespace; 0 while the part is away.
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	Since    string `json:"since,omitempty"`
	Ready    bool   `json:"ready"`
	// Reason says why a part is not ready.
	Reason string `json:"reason,omitempty"`
}

// milestones are guarded by the node's mutex.
type milestones struct {
	at   map[string]float64
	node bool
}

func (n *Node) status() Status {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	status := Status{Started: n.started.UTC().Format(time.RFC3339Nano), Ready: n.milestones.node, Milestones: map[string]float64{}}
	for name, seconds := range n.milestones.at {
		status.Milestones[name] = seconds
	}
	for _, part := range n.parts {
		state := n.running[part.Name]
		row := PartStatus{Name: part.Name, PID: state.pid, Restarts: state.restarts, Ready: state.ready, Reason: state.reason}
		if !state.since.IsZero() {
			row.Since = state.since.UTC().Format(time.RFC3339)
		}
		status.Ready = status.Ready && state.ready
		status.Parts = append(status.Parts, row)
	}
	return status
}

// watchReadiness asks every part in turn: often until all are ready, then once a second.
func (n *Node) watchReadiness() {
	for {
		all := true
		for _, part := range n.parts {
			err := n.ask(part)
			all = all && err == nil
			n.note(part.Name, err)
		}
		err := n.api.nodeReady(n.started)
		n.mutex.Lock()
		n.milestones.node = err == nil
		if err == nil {
			n.mark("node")
		}
		n.mutex.Unlock()
		if all && err == nil {
			time.Sleep(time.Second)
		} else {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (n *Node) ask(part *Part) error {
	n.mutex.Lock()
	pid := n.running[part.Name].pid
	n.mutex.Unlock()
	if pid == 0 {
		return fmt.Errorf("not running")
	}
	return part.Ready()
}

func (n *Node) note(name string, err error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	state := n.running[name]
	state.ready, state.reason = err == nil, ""
	if err != nil {
		state.reason = err.Error()
		return
	}
	n.mark(name)
}

// mark records the first time of a milestone; the caller holds the mutex.
func (n *Node) mark(name string) {
	if _, known := n.milestones.at[name]; !known {
		n.milestones.at[name] = time.Since(n.started).Round(time.Millisecond).Seconds()
	}
}

func (n *Node) serveStatus(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	handler := http.NewServeMux()
	handler.HandleFunc("GET /status", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(response).Encode(n.status()); err != nil {
			fmt.Fprintln(os.Stderr, "status:", err)
		}
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		fmt.Fprintln(os.Stderr, "control socket:", server.Serve(listener))
	}()
	return nil
}
