package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"rlhf-audit-trail.dev/cluster/netpol/attach"
)

// judgeLimit is below the plugin's own patience, so that it hears the reason.
const judgeLimit = 25 * time.Second

// serve answers the CNI plugin: a line with a container's id is answered when its pod is judged, an empty line only says
// that something has changed.
func (e *Enforcer) serve(ctx context.Context, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go e.answer(ctx, connection)
		}
	}()
	return nil
}

func (e *Enforcer) answer(ctx context.Context, connection net.Conn) {
	defer connection.Close()
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return // a probe that only connects
	}
	e.note()
	container := strings.TrimSpace(line)
	if container == "" {
		return
	}
	limit, cancel := context.WithTimeout(ctx, judgeLimit)
	defer cancel()
	answer := attach.Answer{}
	if !e.waitJudged(limit, container) {
		answer.Error = "its pod has not been seen in the API"
	}
	if err := json.NewEncoder(connection).Encode(answer); err != nil {
		slog.Warn("the CNI plugin did not wait", "container", container, "error", err)
	}
}

func (e *Enforcer) waitJudged(ctx context.Context, container string) bool {
	for {
		e.mutex.Lock()
		judged, swapped := e.judged[container], e.swapped
		e.mutex.Unlock()
		if judged {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-swapped:
		}
	}
}
