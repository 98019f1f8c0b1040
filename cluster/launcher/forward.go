package main

import (
	"io"
	"net"
	"time"
)

// accept takes connections on a socket that was opened in the host's network and carries them to target inside.
func accept(listener net.Listener, target string) {
	for {
		outer, err := listener.Accept()
		if err != nil {
			return
		}
		go carry(outer.(*net.TCPConn), target)
	}
}

func carry(outer *net.TCPConn, target string) {
	defer outer.Close()
	connection, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		return // the caller sees its connection closed, as with any server that is away
	}
	inner := connection.(*net.TCPConn)
	defer inner.Close()
	done := make(chan struct{})
	go func() {
		pipe(inner, outer)
		close(done)
	}()
	pipe(outer, inner)
	<-done
}

// pipe copies one direction and hands the end of the stream on, so that half-closed connections work.
func pipe(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err != nil {
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}
