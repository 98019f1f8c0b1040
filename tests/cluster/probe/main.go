// Command probe is what the cluster's tests run inside pods.
//
//	probe serve TCPPORT,… UDPPORT    answer: TCP streams a number each 10 ms, UDP echoes
//	probe expect open|closed tcp|udp ADDRESS
//	                                 exit 0 once that holds three times in a row, 1 if it does not within 15 seconds
//	probe first ADDRESS              dial without pause from the process's first instruction on for 3 seconds; print how often it got through
//	probe stream ADDRESS             read a stream without end; print each number
//	probe web PORT VERSION STATUS    an HTTP server that answers all requests with these, and has /metrics
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// A connection inside one machine opens within a millisecond; what takes this long is dropped.
const dialLimit = 700 * time.Millisecond

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "serve":
		return serve(strings.Split(words[1], ","), words[2])
	case len(words) == 4 && words[0] == "expect":
		return expect(words[1] == "open", words[2], words[3])
	case len(words) == 2 && words[0] == "first":
		return first(words[1])
	case len(words) == 2 && words[0] == "stream":
		return stream(words[1])
	case len(words) == 4 && words[0] == "web":
		return web(words[1], words[2], words[3])
	}
	return errors.New("usage: probe serve|expect|first|stream|web …")
}

func serve(tcp []string, udp string) error {
	for _, port := range tcp {
		listener, err := net.Listen("tcp4", ":"+port)
		if err != nil {
			return err
		}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				go count(connection)
			}
		}()
	}
	packets, err := net.ListenPacket("udp4", ":"+udp)
	if err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	for {
		size, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if _, err := packets.WriteTo(buffer[:size], from); err != nil {
			return err
		}
	}
}

func count(connection net.Conn) {
	defer connection.Close()
	for number := 0; ; number++ {
		if _, err := fmt.Fprintln(connection, number); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func expect(open bool, network, address string) error {
	var err error
	held := 0
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		err = try(network, address)
		if (err == nil) == open {
			held++
		} else {
			held = 0
		}
		if held == 3 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err == nil {
		return errors.New("open")
	}
	return err
}

// try needs an answer: a SYN that is accepted by someone on the way would not be enough.
func try(network, address string) error {
	connection, err := net.DialTimeout(network+"4", address, dialLimit)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(dialLimit)); err != nil {
		return err
	}
	if network == "udp" {
		if _, err := connection.Write(question); err != nil {
			return err
		}
		reply := make([]byte, 512)
		size, err := connection.Read(reply)
		if err == nil && strings.HasSuffix(address, ":53") && (size < 12 || reply[3]&15 != 0 || reply[7] == 0) {
			return errors.New("DNS does not know the name of the API server")
		}
		return err
	}
	if strings.HasSuffix(address, ":443") {
		return nil // the API server waits for the client to begin
	}
	_, err = connection.Read(make([]byte, 1))
	return err
}

// question is a DNS query (A kubernetes.default.svc.cluster.local), which the echo server sends back as it is.
var question = append(append([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, name("kubernetes", "default", "svc", "cluster", "local")...), 0, 1, 0, 1)

func name(parts ...string) []byte {
	var encoded []byte
	for _, part := range parts {
		encoded = append(append(encoded, byte(len(part))), part...)
	}
	return append(encoded, 0)
}

func first(address string) error {
	opened, tries := 0, 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); tries++ {
		connection, err := net.DialTimeout("tcp4", address, 20*time.Millisecond)
		if err == nil {
			opened++
			connection.Close()
		}
	}
	fmt.Printf("opened %d of %d\n", opened, tries)
	return nil
}

func stream(address string) error {
	connection, err := net.DialTimeout("tcp4", address, dialLimit)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
	return lines.Err()
}
