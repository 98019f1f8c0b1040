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
		if state, _, err := processStat(pid); err != nil || state == "Z" {
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
	_, started, err := processStat(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(config.run("pid"), fmt.Appendf(nil, "%d %s\n", pid, started), 0o600)
}

// alive returns PID 1's id on the host, or errNotRunning.
func alive(config *Config) (int, error) {
	text, err := os.ReadFile(config.run("pid"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNotRunning
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return 0, errNotRunning // torn by a crash of the machine: nothing runs
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil {
		return 0, errNotRunning
	}
	state, started, err := processStat(pid)
	if err != nil || started != fields[1] || state == "Z" {
		return 0, errNotRunning
	}
	return pid, nil
}

// processStat reads state and start time (clock ticks since boot) of a process.
func processStat(pid int) (state, started string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", "", err
	}
	return parseStat(string(text))
}

// parseStat skips the command name, which may hold blanks and parentheses, by its last parenthesis.
func parseStat(text string) (state, started string, err error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return "", "", fmt.Errorf("unexpected stat line %q", text)
	}
	return fields[0], fields[19], nil
}
