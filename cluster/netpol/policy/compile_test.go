package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func testPod(namespace, name, address string, labels map[string]string, ports ...corev1.ContainerPort) Pod {
	return Pod{
		Object: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}},
		},
		Address: netip.MustParseAddr(address),
	}
}

func testInput(policies ...*networkingv1.NetworkPolicy) Input {
	return Input{
		Pods: []Pod{
			testPod("a", "web", "10.244.0.2", map[string]string{"app": "web"}, corev1.ContainerPort{Name: "http", ContainerPort: 8000}),
			testPod("a", "client", "10.244.0.3", map[string]string{"app": "client"}),
			testPod("b", "client", "10.244.0.4", map[string]string{"app": "client"}, corev1.ContainerPort{Name: "http", ContainerPort: 9000}),
		},
		Namespaces: map[string]*corev1.Namespace{
			"a": {ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"team": "a"}}},
			"b": {ObjectMeta: metav1.ObjectMeta{Name: "b", Labels: map[string]string{"team": "b"}}},
		},
		Policies: policies,
	}
}

func policyOf(spec networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "p"}, Spec: spec}
}

var (
	web       = netip.MustParseAddr("10.244.0.2")
	selectWeb = metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	teamB     = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}}
)

func TestPolicyIsolatesOnlyWhatItSelects(t *testing.T) {
	table := Compile(testInput(policyOf(networkingv1.NetworkPolicySpec{PodSelector: selectWeb})))
	if _, isolated := table.Ingress[web]; !isolated || len(table.Ingress) != 1 {
		t.Fatalf("want web alone isolated, got %v", table.Ingress)
	}
	if len(table.Egress) != 0 {
		t.Fatalf("a policy without types and egress rules isolates ingress only, got %v", table.Egress)
	}
}

func TestBrokenSelectorInPeerAllowsNobody(t *testing.T) {
	broken := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Nonsense"}}}
	table := Compile(testInput(policyOf(networkingv1.NetworkPolicySpec{
		PodSelector: selectWeb,
		Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: broken}}}},
	})))
	for _, allow := range table.Ingress[web] {
		if allow.Peers == nil || len(allow.Peers) > 0 {
			t.Fatalf("a selector that can't be read must allow nobody: %v", allow)
		}
	}
}

func TestEgressNamedPortIsEachTargetsOwn(t *testing.T) {
	name := intstr.FromString("http")
	table := Compile(testInput(policyOf(networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "client"}},
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
		Egress: []networkingv1.NetworkPolicyEgressRule{{
			To:    []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}},
			Ports: []networkingv1.NetworkPolicyPort{{Port: &name}},
		}},
	})))
	got := map[string]int32{}
	for _, allow := range table.Egress[netip.MustParseAddr("10.244.0.3")] {
		got[allow.Peers[0].Addr().String()] = allow.Ports[0].First
	}
	if got["10.244.0.2"] != 8000 || got["10.244.0.4"] != 9000 || len(got) != 2 {
		t.Fatalf("want 8000 on web and 9000 on b's client, got %v", got)
	}
}

func TestExceptIsTakenOut(t *testing.T) {
	table := Compile(testInput(policyOf(networkingv1.NetworkPolicySpec{
		PodSelector: selectWeb,
		Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{
			{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.244.0.4/32"}}},
		}}},
	})))
	text := Render(table, netip.MustParsePrefix("10.244.0.0/24"))
	if !strings.Contains(text, "ip saddr != 10.244.0.4/32 return") {
		t.Fatalf("except is missing:\n%s", text)
	}
	if strings.Contains(text, "0.0.0.0/0") {
		t.Fatalf("nftables takes no empty prefix in a set:\n%s", text)
	}
}

func TestRenderDoesNotDependOnOrder(t *testing.T) {
	first := policyOf(networkingv1.NetworkPolicySpec{PodSelector: selectWeb, Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: teamB}}}}})
	second := policyOf(networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{}})
	second.Name = "q"
	one, other := testInput(first, second), testInput(second, first)
	slices.Reverse(other.Pods)
	network := netip.MustParsePrefix("10.244.0.0/24")
	if Render(Compile(one), network) != Render(Compile(other), network) {
		t.Fatal("the same objects in another order make another table: it would be swapped for nothing")
	}
}

func TestRepliesAreJudgedWithEndsExchanged(t *testing.T) {
	port := intstr.FromInt32(8000)
	table := Compile(testInput(policyOf(networkingv1.NetworkPolicySpec{
		PodSelector: selectWeb,
		Ingress: []networkingv1.NetworkPolicyIngressRule{{
			From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: teamB}},
			Ports: []networkingv1.NetworkPolicyPort{{Port: &port}},
		}},
	})))
	text := Render(table, netip.MustParsePrefix("10.244.0.0/24"))
	for _, wanted := range []string{"ip saddr { 10.244.0.4/32 } tcp dport 8000 return", "ip daddr { 10.244.0.4/32 } tcp sport 8000 return"} {
		if !strings.Contains(text, wanted) {
			t.Fatalf("want %q in:\n%s", wanted, text)
		}
	}
}
