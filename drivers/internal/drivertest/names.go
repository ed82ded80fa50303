package drivertest

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
)

// A nameServer answers all questions of the process for addresses in the same way.
type nameServer struct {
	asked  atomic.Int64
	answer func(nameAnswer)
}

// A nameAnswer is the code of an answer in the sense of RFC 1035.
type nameAnswer uint16

const (
	found         nameAnswer = 0 // 127.0.0.1
	serverFailure nameAnswer = 2
	noSuchName    nameAnswer = 3
)

// serveNames makes the process ask a name server of the test, until the end of the test.
func serveNames(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var code atomic.Uint32
	s := &nameServer{answer: func(a nameAnswer) { code.Store(uint32(a)) }}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		question := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			s.asked.Add(1)
			_, _ = conn.WriteTo(nameReply(question[:n], nameAnswer(code.Load())), from)
		}
	}()
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = old
		_ = conn.Close()
		<-ended
	})
	return s
}

// nameReply returns the reply to a message with a question. The first question stands
// behind a header of 12 bytes. The reply leaves out the rest of the message behind this
// question.
func nameReply(question []byte, answer nameAnswer) []byte {
	end := 12
	for end < len(question) && question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5 // the root, type and class
	if end > len(question) {
		return nil
	}
	kind := binary.BigEndian.Uint16(question[end-4:])
	reply := append([]byte(nil), question[:end]...)
	const isReply, canRecurse, address = 0x8000, 0x0180, 1
	binary.BigEndian.PutUint16(reply[2:], isReply|canRecurse|uint16(answer))
	binary.BigEndian.PutUint16(reply[6:], 0)  // answers
	binary.BigEndian.PutUint16(reply[8:], 0)  // authorities
	binary.BigEndian.PutUint16(reply[10:], 0) // additional records
	if answer == found && kind == address {
		binary.BigEndian.PutUint16(reply[6:], 1)
		reply = append(reply, 0xC0, 12, 0, address, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return reply
}
