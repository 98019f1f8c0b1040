package policy

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// TableName is the nftables table that Render replaces as a whole.
const TableName = "rlhf_netpol"

// side says how a permission is written for packets of one direction of a connection. A permission is about the one who
// opened the connection; in packets that come back, source and destination have changed places.
type side struct{ suffix, source, target, port string }

var (
	original = side{"original", "ip saddr", "ip daddr", "dport"}
	reply    = side{"reply", "ip daddr", "ip saddr", "sport"}
)

// Render writes the table as input for `nft -f`, replacing the one before in one transaction.
//
// Every packet is judged, not only a connection's first: a new policy so ends connections that it forbids, at once and
// in both directions, with no state to flush and no race in doing so.
//
// Traffic from the node itself to its pods is never judged (the kubelet's probes; the API demands it). Addresses of the
// pod network that belong to no known pod get nothing through.
func Render(table Table, podCIDR netip.Prefix) string {
	var text strings.Builder
	write := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	write("table inet %s", TableName)
	write("delete table inet %s", TableName)
	write("table inet %s {", TableName)
	chains := map[string]string{}
	for _, view := range []side{original, reply} {
		writeMap(write, "egress_"+view.suffix, chains, table.Egress, view.target, view.port)
		writeMap(write, "ingress_"+view.suffix, chains, table.Ingress, view.source, view.port)
	}
	writeSets(write, table.Known)
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		write("  chain %s {\n%s    drop\n  }", name, chains[name])
	}
	for _, view := range []side{original, reply} {
		write("  chain %s {", view.suffix)
		write("    ip saddr . ip daddr @self accept")
		write("    %s vmap @egress_%s", view.source, view.suffix)
		write("    %s vmap @ingress_%s", view.target, view.suffix)
		write("  }")
	}
	unknown := func(field string) string { return fmt.Sprintf("%s %s %s != @known drop", field, podCIDR, field) }
	write("  chain forward {\n    type filter hook forward priority -20; policy accept;")
	write("    meta nfproto ipv6 drop")
	write("    ct state { invalid, untracked } drop")
	write("    %s\n    %s", unknown("ip saddr"), unknown("ip daddr"))
	write("    ct state related accept")
	write("    ct direction original jump original\n    ct direction reply jump reply\n  }")
	write("  chain input {\n    type filter hook input priority -20; policy accept;")
	write("    %s", unknown("ip saddr"))
	write("    ct direction original ip saddr vmap @egress_original\n  }")
	write("  chain output {\n    type filter hook output priority -20; policy accept;")
	write("    ct direction reply ip daddr vmap @egress_reply\n  }")
	write("}")
	return text.String()
}

// writeMap sends each isolated pod to its chain; pods with the same permissions share one.
func writeMap(write func(string, ...any), name string, chains map[string]string, pods map[netip.Addr][]Allow, peer, port string) {
	elements := []string{}
	for _, address := range slices.SortedFunc(maps.Keys(pods), netip.Addr.Compare) {
		body := chainBody(pods[address], peer, port)
		chain := fmt.Sprintf("allow_%x", sha256.Sum256([]byte(body)))[:22]
		chains[chain] = body
		elements = append(elements, fmt.Sprintf("%s : jump %s", address, chain))
	}
	write("  map %s {\n    type ipv4_addr : verdict%s\n  }", name, listed(elements))
}

func writeSets(write func(string, ...any), known []netip.Addr) {
	addresses, pairs := []string{}, []string{}
	for _, address := range known {
		addresses = append(addresses, address.String())
		pairs = append(pairs, fmt.Sprintf("%s . %s", address, address))
	}
	write("  set known {\n    type ipv4_addr%s\n  }", listed(addresses))
	write("  set self {\n    type ipv4_addr . ipv4_addr%s\n  }", listed(pairs))
}

func listed(elements []string) string {
	if len(elements) == 0 {
		return ""
	}
	return "\n    elements = { " + strings.Join(elements, ", ") + " }"
}

// chainBody has one `return` a permission; who gets past all of them is dropped.
func chainBody(allowed []Allow, peer, port string) string {
	lines := map[string]bool{}
	for _, allow := range allowed {
		match, possible := peerMatch(allow, peer)
		if !possible {
			continue
		}
		for _, ports := range portMatches(allow.Ports, port) {
			lines["    "+strings.Join(append(slices.Clone(match), append(ports, "return")...), " ")+"\n"] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "")
}

func peerMatch(allow Allow, peer string) (match []string, possible bool) {
	if allow.Peers == nil {
		return nil, true
	}
	if len(allow.Peers) == 0 {
		return nil, false
	}
	everyone := slices.ContainsFunc(allow.Peers, func(prefix netip.Prefix) bool { return prefix.Bits() == 0 })
	if !everyone {
		match = append(match, peer, set(allow.Peers))
	}
	for _, excluded := range allow.Except {
		if excluded.Bits() == 0 {
			return nil, false
		}
		match = append(match, peer, "!=", excluded.String())
	}
	return match, true
}

func set(prefixes []netip.Prefix) string {
	texts := []string{}
	for _, prefix := range prefixes {
		texts = append(texts, prefix.String())
	}
	return "{ " + strings.Join(slices.Compact(texts), ", ") + " }"
}

func portMatches(ports []Port, field string) [][]string {
	if ports == nil {
		return [][]string{nil}
	}
	var matches [][]string
	for _, port := range ports {
		protocol := map[corev1.Protocol]string{corev1.ProtocolTCP: "tcp", corev1.ProtocolUDP: "udp", corev1.ProtocolSCTP: "sctp"}[port.Protocol]
		switch {
		case protocol == "":
			continue // a protocol that the API may know one day: not allowed
		case port.First == 0:
			matches = append(matches, []string{"meta l4proto", protocol})
		case port.First == port.Last:
			matches = append(matches, []string{protocol, field, fmt.Sprint(port.First)})
		default:
			matches = append(matches, []string{protocol, field, fmt.Sprintf("%d-%d", port.First, port.Last)})
		}
	}
	return matches
}
