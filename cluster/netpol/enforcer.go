package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"rlhf-audit-trail.dev/cluster/netpol/attach"
	"rlhf-audit-trail.dev/cluster/netpol/policy"
)

// Enforcer keeps the kernel's table equal to what the API says.
type Enforcer struct {
	folder  string
	podCIDR netip.Prefix

	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister

	// changed holds at most one token: many changes make one swap.
	changed chan struct{}

	mutex sync.Mutex
	// judged are the containers whose pod is in the table that the kernel has now.
	judged map[string]bool
	// swapped is closed and replaced at every swap.
	swapped chan struct{}
}

func newEnforcer(folder string, podCIDR netip.Prefix) *Enforcer {
	return &Enforcer{folder: folder, podCIDR: podCIDR, changed: make(chan struct{}, 1), judged: map[string]bool{}, swapped: make(chan struct{})}
}

// gather is how long changes are collected before a swap: a rollout changes many pods at once.
const gather = 5 * time.Millisecond

// watch returns when all that is in the API now has been seen.
func (e *Enforcer) watch(ctx context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	e.pods, e.namespaces, e.policies = pods.Lister(), namespaces.Lister(), policies.Lister()
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { e.note() },
		UpdateFunc: func(any, any) { e.note() },
		DeleteFunc: func(any) { e.note() },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v were not read before the end", kind)
		}
	}
	return nil
}

func (e *Enforcer) note() {
	select {
	case e.changed <- struct{}{}:
	default: // one is waiting already
	}
}

// loop swaps the table after every change that makes another one.
func (e *Enforcer) loop(ctx context.Context) error {
	var last string
	e.note()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.changed:
		}
		time.Sleep(gather)
		input, containers, err := e.input()
		if err != nil {
			return err
		}
		text := policy.Render(policy.Compile(input), e.podCIDR)
		if text != last {
			begin := time.Now()
			if err := swap(ctx, text); err != nil {
				return err
			}
			slog.Info("swapped", "pods", len(input.Pods), "policies", len(input.Policies), "milliseconds", time.Since(begin).Milliseconds())
			last = text
		}
		e.announce(containers)
	}
}

// input joins the CNI plugin's addresses with the API's labels. A sandbox whose pod is not seen yet is left out: its
// address gets nothing through until it is.
func (e *Enforcer) input() (policy.Input, map[string]bool, error) {
	input := policy.Input{Namespaces: map[string]*corev1.Namespace{}}
	containers := map[string]bool{}
	attachments, err := attach.List(e.folder)
	if err != nil {
		return input, nil, err
	}
	for _, attached := range attachments {
		pod, err := e.pods.Pods(attached.Namespace).Get(attached.Name)
		if err != nil || attached.UID != "" && string(pod.UID) != attached.UID {
			continue
		}
		input.Pods = append(input.Pods, policy.Pod{Object: pod, Address: attached.Address})
		containers[attached.Container] = true
	}
	namespaces, err := e.namespaces.List(labels.Everything())
	if err != nil {
		return input, nil, err
	}
	for _, namespace := range namespaces {
		input.Namespaces[namespace.Name] = namespace
	}
	input.Policies, err = e.policies.List(labels.Everything())
	return input, containers, err
}

func (e *Enforcer) announce(containers map[string]bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.judged = containers
	close(e.swapped)
	e.swapped = make(chan struct{})
}

func swap(ctx context.Context, text string) error {
	command := exec.CommandContext(ctx, "nft", "-f", "-")
	command.Stdin = bytes.NewBufferString(text)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft refused the table: %w: %s\n%s", err, output, text)
	}
	return nil
}
