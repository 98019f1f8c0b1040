package policy

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Compile applies all policies to all pods. A policy that can't be read isolates and allows nothing: the safe side.
func Compile(input Input) Table {
	table := Table{Ingress: map[netip.Addr][]Allow{}, Egress: map[netip.Addr][]Allow{}}
	policies := slices.Clone(input.Policies)
	slices.SortFunc(policies, func(a, b *networkingv1.NetworkPolicy) int {
		return compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	for _, pod := range input.Pods {
		table.Known = append(table.Known, pod.Address)
		for _, policy := range policies {
			if policy.Namespace != pod.Object.Namespace || !matches(&policy.Spec.PodSelector, pod.Object.Labels) {
				continue
			}
			if hasType(policy, networkingv1.PolicyTypeIngress) {
				allowed := table.Ingress[pod.Address]
				for _, rule := range policy.Spec.Ingress {
					allowed = append(allowed, ingress(input, policy.Namespace, rule, pod)...)
				}
				table.Ingress[pod.Address] = allowed
			}
			if hasType(policy, networkingv1.PolicyTypeEgress) {
				allowed := table.Egress[pod.Address]
				for _, rule := range policy.Spec.Egress {
					allowed = append(allowed, egress(input, policy.Namespace, rule)...)
				}
				table.Egress[pod.Address] = allowed
			}
		}
	}
	slices.SortFunc(table.Known, netip.Addr.Compare)
	return table
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// hasType follows the API's rule for an absent list: ingress always, egress when there are egress rules.
func hasType(policy *networkingv1.NetworkPolicy, wanted networkingv1.PolicyType) bool {
	if len(policy.Spec.PolicyTypes) == 0 {
		return wanted == networkingv1.PolicyTypeIngress || len(policy.Spec.Egress) > 0
	}
	return slices.Contains(policy.Spec.PolicyTypes, wanted)
}

func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// ingress resolves named ports on the pod itself.
func ingress(input Input, namespace string, rule networkingv1.NetworkPolicyIngressRule, pod Pod) []Allow {
	ports := resolvePorts(rule.Ports, pod.Object)
	if len(rule.From) == 0 {
		return []Allow{{Ports: ports}}
	}
	var allowed []Allow
	for _, peer := range rule.From {
		prefixes, except := addresses(input, namespace, peer)
		allowed = append(allowed, Allow{Peers: prefixes, Except: except, Ports: ports})
	}
	return allowed
}

// egress resolves named ports on each pod that may be reached: the same name can be another number there.
func egress(input Input, namespace string, rule networkingv1.NetworkPolicyEgressRule) []Allow {
	numbered, named := split(rule.Ports)
	var allowed []Allow
	if len(rule.Ports) == 0 || len(numbered) > 0 {
		ports := resolvePorts(numbered, nil)
		if len(rule.To) == 0 {
			allowed = append(allowed, Allow{Ports: ports})
		}
		for _, peer := range rule.To {
			prefixes, except := addresses(input, namespace, peer)
			allowed = append(allowed, Allow{Peers: prefixes, Except: except, Ports: ports})
		}
	}
	if len(named) == 0 {
		return allowed
	}
	for _, target := range input.Pods {
		if !reaches(input, namespace, rule.To, target) {
			continue
		}
		if ports := resolvePorts(named, target.Object); len(ports) > 0 {
			allowed = append(allowed, Allow{Peers: []netip.Prefix{single(target.Address)}, Ports: ports})
		}
	}
	return allowed
}

func reaches(input Input, namespace string, peers []networkingv1.NetworkPolicyPeer, target Pod) bool {
	if len(peers) == 0 {
		return true
	}
	return slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		prefixes, except := addresses(input, namespace, peer)
		inside := func(prefix netip.Prefix) bool { return prefix.Contains(target.Address) }
		return slices.ContainsFunc(prefixes, inside) && !slices.ContainsFunc(except, inside)
	})
}

// addresses lists whom a peer means. Not nil, so that a peer that nobody matches allows nobody.
func addresses(input Input, namespace string, peer networkingv1.NetworkPolicyPeer) (prefixes, except []netip.Prefix) {
	prefixes = []netip.Prefix{}
	if peer.IPBlock != nil {
		block, err := netip.ParsePrefix(peer.IPBlock.CIDR)
		if err != nil || !block.Addr().Is4() {
			return prefixes, nil // the cluster has no IPv6
		}
		for _, text := range peer.IPBlock.Except {
			excluded, err := netip.ParsePrefix(text)
			if err != nil {
				return []netip.Prefix{}, nil
			}
			if excluded.Addr().Is4() {
				except = append(except, excluded.Masked())
			}
		}
		return append(prefixes, block.Masked()), except
	}
	for _, pod := range input.Pods {
		if selects(input, namespace, peer, pod.Object) {
			prefixes = append(prefixes, single(pod.Address))
		}
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return prefixes, nil
}

func selects(input Input, namespace string, peer networkingv1.NetworkPolicyPeer, pod *corev1.Pod) bool {
	if peer.NamespaceSelector == nil {
		if pod.Namespace != namespace {
			return false
		}
	} else {
		home := input.Namespaces[pod.Namespace]
		if home == nil || !matches(peer.NamespaceSelector, home.Labels) {
			return false
		}
	}
	return peer.PodSelector == nil || matches(peer.PodSelector, pod.Labels)
}

func single(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

func split(ports []networkingv1.NetworkPolicyPort) (numbered, named []networkingv1.NetworkPolicyPort) {
	for _, port := range ports {
		if port.Port != nil && port.Port.Type == intstr.String {
			named = append(named, port)
		} else {
			numbered = append(numbered, port)
		}
	}
	return numbered, named
}

// resolvePorts returns nil for "any" (no ports given). A name that the pod does not have allows nothing.
func resolvePorts(ports []networkingv1.NetworkPolicyPort, pod *corev1.Pod) []Port {
	if len(ports) == 0 {
		return nil
	}
	resolved := []Port{}
	for _, port := range ports {
		protocol := corev1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		switch {
		case port.Port == nil:
			resolved = append(resolved, Port{Protocol: protocol})
		case port.Port.Type == intstr.String:
			resolved = append(resolved, namedPorts(pod, protocol, port.Port.StrVal)...)
		default:
			last := port.Port.IntVal
			if port.EndPort != nil {
				last = *port.EndPort
			}
			resolved = append(resolved, Port{protocol, port.Port.IntVal, last})
		}
	}
	return resolved
}

func namedPorts(pod *corev1.Pod, protocol corev1.Protocol, name string) []Port {
	var found []Port
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, port := range container.Ports {
			declared := port.Protocol
			if declared == "" {
				declared = corev1.ProtocolTCP
			}
			if port.Name == name && declared == protocol {
				found = append(found, Port{protocol, port.ContainerPort, port.ContainerPort})
			}
		}
	}
	return found
}
