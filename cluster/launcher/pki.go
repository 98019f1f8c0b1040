package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	// A certificate that ends within this time is made anew at the next start.
	renewBefore = 30 * 24 * time.Hour
)

// leaf describes one certificate: Kubernetes reads a user from CommonName and groups from Organization.
type leaf struct {
	name, commonName string
	organization     []string
	authority        string
	// names and addresses make it a server's certificate beside a client's.
	names     []string
	addresses []string
}

var leaves = []leaf{
	{name: "apiserver", commonName: "kube-apiserver", authority: "ca",
		names:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		addresses: []string{"127.0.0.1", nodeIP, firstService}},
	{name: "apiserver-kubelet-client", commonName: "kube-apiserver-kubelet-client", organization: []string{"system:masters"}, authority: "ca"},
	{name: "front-proxy-client", commonName: "front-proxy-client", authority: "front-proxy-ca"},
	{name: "admin", commonName: "admin", organization: []string{"system:masters"}, authority: "ca"},
	{name: "kube-controller-manager", commonName: "system:kube-controller-manager", authority: "ca", names: []string{"localhost"}, addresses: []string{"127.0.0.1"}},
	{name: "kube-scheduler", commonName: "system:kube-scheduler", authority: "ca", names: []string{"localhost"}, addresses: []string{"127.0.0.1"}},
	{name: "kube-proxy", commonName: "system:kube-proxy", authority: "ca"},
	{name: "kubelet", commonName: "system:node:" + nodeName, organization: []string{"system:nodes"}, authority: "ca", names: []string{nodeName}, addresses: []string{nodeIP}},
	{name: "netpol", commonName: "rlhf-audit-trail:netpol", authority: "ca"},
	{name: "storage", commonName: "rlhf-audit-trail:storage", authority: "ca"},
}

// makeKeys makes what is missing, unreadable, made by another authority or about to end; the rest stays.
func makeKeys(config *Config) error {
	authorities := map[string]*pair{}
	for _, name := range []string{"ca", "front-proxy-ca"} {
		authority, err := keepOrMake(config, name, func() (*pair, error) { return makeAuthority(name) }, nil)
		if err != nil {
			return err
		}
		authorities[name] = authority
	}
	for _, leaf := range leaves {
		authority := authorities[leaf.authority]
		if _, err := keepOrMake(config, leaf.name, func() (*pair, error) { return makeLeaf(leaf, authority) }, authority); err != nil {
			return err
		}
	}
	// The key that signs service account tokens; the certificate around it is not used.
	_, err := keepOrMake(config, "service-accounts", func() (*pair, error) { return makeAuthority("service-accounts") }, nil)
	return err
}

type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func keepOrMake(config *Config, name string, make func() (*pair, error), authority *pair) (*pair, error) {
	if kept, err := load(config, name); err == nil && usable(kept, authority) {
		return kept, nil
	}
	made, err := make()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return made, store(config, name, made)
}

func usable(kept, authority *pair) bool {
	if time.Now().Add(renewBefore).After(kept.certificate.NotAfter) || time.Now().Before(kept.certificate.NotBefore) {
		return false
	}
	return authority == nil || kept.certificate.CheckSignatureFrom(authority.certificate) == nil
}

func makeAuthority(name string) (*pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	return sign(template, authorityLife, nil)
}

func makeLeaf(leaf leaf, authority *pair) (*pair, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: leaf.commonName, Organization: leaf.organization},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:    leaf.names,
	}
	if len(leaf.addresses) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, address := range leaf.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return sign(template, certificateLife, authority)
}

// sign fills the template and signs it; without an authority it signs itself.
func sign(template *x509.Certificate, life time.Duration, authority *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(life)
	parent, signer := template, crypto.Signer(key)
	if authority != nil {
		parent, signer = authority.certificate, authority.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &pair{certificate, key}, err
}

func store(config *Config, name string, made *pair) error {
	key, err := x509.MarshalPKCS8PrivateKey(made.key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(made.key.Public())
	if err != nil {
		return err
	}
	for suffix, block := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: made.certificate.Raw},
		".key": {Type: "PRIVATE KEY", Bytes: key},
		".pub": {Type: "PUBLIC KEY", Bytes: public},
	} {
		if err := replaceFile(config.pki(name+suffix), pem.EncodeToMemory(block)); err != nil {
			return err
		}
	}
	return nil
}

func load(config *Config, name string) (*pair, error) {
	certificateText, err := os.ReadFile(config.pki(name + ".crt"))
	if err != nil {
		return nil, err
	}
	keyText, err := os.ReadFile(config.pki(name + ".key"))
	if err != nil {
		return nil, err
	}
	certificateBlock, _ := pem.Decode(certificateText)
	keyBlock, _ := pem.Decode(keyText)
	if certificateBlock == nil || keyBlock == nil {
		return nil, errors.New("not PEM")
	}
	certificate, err := x509.ParseCertificate(certificateBlock.Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(certificate.PublicKey) {
		return nil, errors.New("key and certificate don't belong together") // a kill between the two writes
	}
	return &pair{certificate, signer}, nil
}

// replaceFile leaves either the old or the new text, never a part.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
