// Command netpol-cni is the last plugin of the chain: it tells the enforcer about a new pod and returns when the pod's
// very first packet is judged. No container of the pod runs before.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"

	"rlhf-audit-trail.dev/cluster/netpol/attach"
)

// patience is how long a pod waits for the enforcer; the kubelet then tries again with a new sandbox.
const patience = 30 * time.Second

type settings struct {
	types.NetConf
	Socket string `json:"socket"`
	Folder string `json:"folder"`
}

type podArguments struct {
	types.CommonArgs
	K8S_POD_NAMESPACE          types.UnmarshallableString
	K8S_POD_NAME               types.UnmarshallableString
	K8S_POD_UID                types.UnmarshallableString
	K8S_POD_INFRA_CONTAINER_ID types.UnmarshallableString
}

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{Add: add, Del: remove, Check: check}, version.All, "netpol-cni")
}

func add(arguments *skel.CmdArgs) error {
	config, err := parse(arguments.StdinData)
	if err != nil {
		return err
	}
	if config.PrevResult == nil {
		return errors.New("netpol-cni must come after a plugin that gives an address")
	}
	result, err := current.NewResultFromResult(config.PrevResult)
	if err != nil {
		return err
	}
	var pod podArguments
	if err := types.LoadArgs(arguments.Args, &pod); err != nil {
		return err
	}
	address, err := ipv4(result)
	if err != nil {
		return err
	}
	attachment := attach.Attachment{
		Container: arguments.ContainerID,
		Namespace: string(pod.K8S_POD_NAMESPACE),
		Name:      string(pod.K8S_POD_NAME),
		UID:       string(pod.K8S_POD_UID),
		Address:   address,
	}
	if err := attach.Save(config.Folder, attachment); err != nil {
		return err
	}
	if err := waitJudged(config.Socket, attachment.Container); err != nil {
		return fmt.Errorf("network policies of %s/%s are not in force yet: %w", attachment.Namespace, attachment.Name, err)
	}
	return types.PrintResult(config.PrevResult, config.CNIVersion)
}

// remove frees the address; the enforcer reads the folder again at the next change, and is told if it is there.
func remove(arguments *skel.CmdArgs) error {
	config, err := parse(arguments.StdinData)
	if err != nil {
		return err
	}
	if err := attach.Remove(config.Folder, arguments.ContainerID); err != nil {
		return err
	}
	connection, err := net.DialTimeout("unix", config.Socket, time.Second)
	if err != nil {
		return nil // away: it reads the folder when it is back
	}
	defer connection.Close()
	_, err = fmt.Fprintln(connection)
	return err
}

func check(*skel.CmdArgs) error { return nil }

func parse(input []byte) (*settings, error) {
	config := &settings{}
	if err := json.Unmarshal(input, config); err != nil {
		return nil, err
	}
	return config, version.ParsePrevResult(&config.NetConf)
}

func ipv4(result *current.Result) (netip.Addr, error) {
	for _, configured := range result.IPs {
		if address, ok := netip.AddrFromSlice(configured.Address.IP); ok && address.Unmap().Is4() {
			return address.Unmap(), nil
		}
	}
	return netip.Addr{}, errors.New("the plugin before gave no IPv4 address")
}

func waitJudged(socket, container string) error {
	deadline := time.Now().Add(patience)
	for {
		err := ask(socket, container, deadline)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond) // the enforcer may just be starting
	}
}

func ask(socket, container string, deadline time.Time) error {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(connection, container); err != nil {
		return err
	}
	var answer attach.Answer
	if err := json.NewDecoder(connection).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}
