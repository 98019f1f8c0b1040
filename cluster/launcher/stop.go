package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// graceful is how long PID 1 may take to end its parts by itself before the kernel does it.
const graceful = 15 * time.Second

// lock keeps two launchers from starting or stopping one cluster at the same time; the kernel frees it when we end.
func lock(config *Config) (func(), error) {
	file, err := os.OpenFile(config.run("lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { file.Close() }, nil
}

// stop ends PID 1, which ends all; mounts, interfaces and processes go with its namespaces, cgroups are removed here.
func stop(config *Config) error {
	if _, err := os.Stat(config.path("run")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	unlock, err := lock(config)
	if err != nil {
		return err
	}
	defer unlock()
	pid, err := alive(config)
	if err == nil {
		if err := end(pid); err != nil {
			return err
		}
	} else if !errors.Is(err, errNotRunning) {
		return err
	}
	if err := awaitEnd(config); err != nil {
		return err
	}
	return clearRemains(config)
}

// end signals through a process descriptor, so that a reused process id is never hit.
func end(pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if waitGone(pid, graceful) {
		return nil
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if !waitGone(pid, graceful) {
		return fmt.Errorf("process %d does not end, even when killed", pid)
	}
	return nil
}

func waitGone(pid int, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if process, err := processStat(pid); err != nil || process.state == "Z" {
			return true
		}
	}
	return false
}

// clearRemains removes what outlives a killed PID 1: its cgroups and its run files.
func clearRemains(config *Config) error {
	if err := removeCgroups(config.cgroup()); err != nil {
		return err
	}
	for _, name := range []string{"pid", "control.sock"} {
		if err := os.Remove(config.run(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// The PID file holds the id and the start time of PID 1 as the host sees it: together they name one process for ever.
func writePIDFile(config *Config, pid int) error {
	process, err := processStat(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(config.run("pid"), fmt.Appendf(nil, "%d %s\n", pid, process.started), 0o600)
}

// alive returns PID 1's id on the host, or errNotRunning. One that was killed and still waits for the end of its
// children does not run any more, though the kernel still lists it.
func alive(config *Config) (int, error) {
	pid, process, err := recorded(config)
	if err != nil {
		return 0, err
	}
	if process.state == "Z" || process.exiting {
		return 0, errNotRunning
	}
	return pid, nil
}

// awaitEnd waits for the end of a PID 1 that is ending: until then its mounts, sockets and cgroups are in use. It ends
// after its children, so that those which were left frozen are let go first.
func awaitEnd(config *Config) error {
	if err := thaw(config.cgroup()); err != nil {
		return err
	}
	pid, _, err := recorded(config)
	if errors.Is(err, errNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	if !waitGone(pid, graceful) {
		return fmt.Errorf("process %d was killed and does not end", pid)
	}
	return nil
}

// recorded returns the process that the PID file names, or errNotRunning when it is gone.
func recorded(config *Config) (int, processState, error) {
	text, err := os.ReadFile(config.run("pid"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, processState{}, errNotRunning
	}
	if err != nil {
		return 0, processState{}, err
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return 0, processState{}, errNotRunning // torn by a crash of the machine: nothing runs
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil {
		return 0, processState{}, errNotRunning
	}
	process, err := processStat(pid)
	if err != nil || process.started != fields[1] {
		return 0, processState{}, errNotRunning
	}
	return pid, process, nil
}

// exitingFlag is PF_EXITING of the kernel's task flags.
const exitingFlag = 0x4

// processState is what the kernel tells of a process: its state's letter, its start in clock ticks since boot, and
// whether it has begun to end.
type processState struct {
	state, started string
	exiting        bool
}

func processStat(pid int) (processState, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processState{}, err
	}
	return parseStat(string(text))
}

// parseStat skips the command name, which may hold blanks and parentheses, by its last parenthesis.
func parseStat(text string) (processState, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return processState{}, fmt.Errorf("unexpected stat line %q", text)
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	if err != nil {
		return processState{}, fmt.Errorf("unexpected flags in stat line %q", text)
	}
	return processState{state: fields[0], started: fields[19], exiting: flags&exitingFlag != 0}, nil
}
