package main

import (
	"os"
	"sync"
	"syscall"
)

// Processes starts children of PID 1 and waits for them in one place: as PID 1 we also inherit orphans (containerd's
// shims above all), and a wait for any child would steal another waiter's result.
type Processes struct {
	mutex   sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newProcesses() *Processes {
	return &Processes{waiting: map[int]chan syscall.WaitStatus{}}
}

// start runs a program with its output going to log; the channel yields its status once.
func (p *Processes) start(arguments, environment []string, log *os.File) (int, <-chan syscall.WaitStatus, error) {
	// The lock is held until the child is known, so that the reaper can't meet an unknown child.
	p.mutex.Lock()
	defer p.mutex.Unlock()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(arguments[0], arguments, &syscall.ProcAttr{
		Dir:   "/",
		Env:   environment,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	p.waiting[pid] = ended
	return pid, ended, nil
}

// reap waits for every child that ends, for as long as PID 1 lives.
func (p *Processes) reap() {
	for {
		// Wait without collecting first: the child must stay a zombie until the lock is ours, or its id could be reused.
		if err := waitAny(); err != nil {
			continue
		}
		p.mutex.Lock()
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == nil && pid > 0 {
			if ended, ours := p.waiting[pid]; ours {
				ended <- status
				delete(p.waiting, pid)
			}
		}
		p.mutex.Unlock()
	}
}
