package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// web answers every request with a version and a status, and counts them as the workload does; told to end, it lets requests end.
func web(port, version, status string) error {
	code, err := strconv.Atoi(status)
	if err != nil {
		return err
	}
	var answered atomic.Int64
	handler := http.NewServeMux()
	handler.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		answered.Add(1)
		response.WriteHeader(code)
		fmt.Fprintln(response, version)
	})
	handler.HandleFunc("/ready", func(response http.ResponseWriter, _ *http.Request) { fmt.Fprintln(response, "ready") })
	handler.HandleFunc("/metrics", func(response http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(response, "# TYPE http_requests_total counter\nhttp_requests_total{status=%q} %d\n", status, answered.Load())
	})
	server := &http.Server{Addr: ":" + port, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	told, forget := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer forget()
	ended := make(chan error, 1)
	go func() {
		<-told.Done()
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return <-ended
}
