// Command launcher starts and ends one local Kubernetes node: every process of it lives below one PID 1, in network,
// mount, PID, IPC and UTS namespaces of its own, so that ending PID 1 ends everything.
//
//	launcher start CONFIG   start the node unless it runs; returns once its namespaces stand
//	launcher stop CONFIG    end the node and remove what it left in cgroups
//	launcher alive CONFIG   print PID 1's host process id; exit 3 when the node does not run
package main

import (
	"errors"
	"fmt"
	"os"
)

// Exit codes: 1 a failure with a reason, 2 wrong usage, 3 not running.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
)

var errNotRunning = errors.New("the cluster does not run")

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: launcher start|stop|alive CONFIG.json")
		os.Exit(exitUsage)
	}
	config, err := readConfig(os.Args[2])
	if err == nil {
		err = run(os.Args[1], config)
	}
	switch {
	case err == nil:
	case errors.Is(err, errNotRunning):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitNotRunning)
	default:
		fmt.Fprintf(os.Stderr, "launcher %s: %v\n", os.Args[1], err)
		os.Exit(exitFailed)
	}
}

func run(verb string, config *Config) error {
	switch verb {
	case "start":
		return start(config)
	case "stop":
		return stop(config)
	case "alive":
		pid, err := alive(config)
		if err == nil {
			fmt.Println(pid)
		}
		return err
	case initVerb:
		return runInit(config)
	}
	return fmt.Errorf("no verb %q: one of start, stop, alive", verb)
}
