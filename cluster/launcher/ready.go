package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const probeTimeout = 2 * time.Second

func httpOK(url string) func() error {
	client := &http.Client{Timeout: probeTimeout}
	return func() error {
		_, err := get(client, url)
		return err
	}
}

// httpsAnswers does not check the certificate: it asks 127.0.0.1 of a network of our own.
func httpsAnswers(url string) func() error {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	return func() error {
		_, err := get(client, url)
		return err
	}
}

func socketAnswers(path string) func() error {
	return func() error {
		connection, err := net.DialTimeout("unix", path, probeTimeout)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

func get(client *http.Client, url string) ([]byte, error) {
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return body, err
}

// api asks the API server as the cluster's administrator.
type api struct {
	config *Config
	once   sync.Once
	client *http.Client
	err    error
}

func newAPI(config *Config) *api { return &api{config: config} }

// get connects lazily: the keys are made after the parts are listed.
func (a *api) get(path string) ([]byte, error) {
	a.once.Do(func() {
		certificate, err := tls.LoadX509KeyPair(a.config.pki("admin.crt"), a.config.pki("admin.key"))
		if err != nil {
			a.err = err
			return
		}
		authority, err := os.ReadFile(a.config.pki("ca.crt"))
		if err != nil {
			a.err = err
			return
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authority)
		a.client = &http.Client{Timeout: probeTimeout, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: pool},
		}}
	})
	if a.err != nil {
		return nil, a.err
	}
	return get(a.client, "https://"+net.JoinHostPort(nodeIP, apiPort)+path)
}

func (a *api) ready() error {
	_, err := a.get("/readyz")
	return err
}

// nodeReady asks for the condition Ready with a heartbeat of this run: the store may still say Ready from the last one.
func (a *api) nodeReady(since time.Time) error {
	body, err := a.get("/api/v1/nodes/" + nodeName)
	if err != nil {
		return err
	}
	return judgeNode(body, since)
}

func judgeNode(body []byte, since time.Time) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	if err := json.Unmarshal(body, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		if condition.LastHeartbeatTime.Before(since.Truncate(time.Second)) {
			return errors.New("the kubelet has not reported since the start")
		}
		if condition.Status != "True" {
			return errors.New(condition.Message)
		}
		return nil
	}
	return errors.New("no Ready condition yet")
}
