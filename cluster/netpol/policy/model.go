// Package policy turns NetworkPolicies into a table of who may open a connection to whom. It knows nothing of nftables'
// syntax (render.go aside) and asks no API: the same input always gives the same table.
package policy

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Pod is a pod that has an address. Address comes from the CNI plugin, not from the API: the API learns it seconds later.
type Pod struct {
	Object  *corev1.Pod
	Address netip.Addr
}

// Input is everything that decides.
type Input struct {
	Pods       []Pod
	Namespaces map[string]*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
}

// Table says for each isolated pod what it may do; a pod that is not in a map is not isolated in that direction.
type Table struct {
	// Known are the addresses of all pods whose labels are known, in order.
	Known []netip.Addr
	// Ingress: who may connect to the pod. Egress: whom it may connect to.
	Ingress, Egress map[netip.Addr][]Allow
}

// Allow is one permission: the peer is in Peers and not in Except, and the port in Ports.
type Allow struct {
	// Peers nil means anyone; empty means nobody.
	Peers []netip.Prefix
	// Except is taken out of Peers.
	Except []netip.Prefix
	// Ports nil means any protocol and port; empty means none.
	Ports []Port
}

// Port is a range of one protocol's ports; First 0 means all of them.
type Port struct {
	Protocol    corev1.Protocol
	First, Last int32
}
