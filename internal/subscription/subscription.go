// Package subscription keeps subscriptions on connections of the caller's own, for stores
// that give such connections away.
package subscription

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// heartbeat is how long nothing may come before the server is sent a PING. After the
	// same time without an answer the connection counts as lost: a server that is frozen,
	// or behind a broken network, looks like a server with nothing to say.
	heartbeat = 2 * time.Second
	// minBackoff and maxBackoff bound the wait between attempts to subscribe again. It
	// doubles, and begins anew after a subscription that was in force.
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// Options are what a subscription needs to know.
type Options struct {
	// Timeout is how long an attempt to subscribe may take.
	Timeout time.Duration
	// Notify is told when the subscription is lost, and when it is restored. It may be
	// nil.
	Notify func(kind driver.EventKind, err error)
}

// Subscribe is that of driver.Subscriber, on sessions of a store.
func Subscribe(ctx context.Context, store driver.Exclusive, o Options, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	s := subscription{store: store, options: o, command: commands[kind], kind: kind, names: names, handle: handle}
	start, wait := time.Now(), minBackoff
	for {
		s.inForce = false
		err := s.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, driver.ErrClosed):
			return err
		case !s.begun && (!passes(err) || time.Since(start)+wait > o.Timeout):
			return err
		case s.begun:
			s.lost(err)
		}
		if s.inForce {
			wait = minBackoff
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		wait = min(2*wait, maxBackoff)
	}
}

// passes reports whether a failure is one of a server that is not ready, or not the one any
// more, such as that of a slot that has just moved.
func passes(err error) bool {
	failed, ok := errors.AsType[*driver.Error](err)
	return ok && failed.Transient
}

// commands are those that subscribe. Their answer begins with the same word.
var commands = [...]string{driver.Channels: "SUBSCRIBE", driver.Patterns: "PSUBSCRIBE", driver.ShardChannels: "SSUBSCRIBE"}

type subscription struct {
	store   driver.Exclusive
	options Options
	command string
	kind    driver.SubscriptionKind
	names   []string
	handle  func(driver.Message)

	begun   bool // it was in force once
	inForce bool // in this attempt
	told    bool // of the loss
	early   []driver.Message
	session driver.Session
}

var (
	errSilent = errors.New("the server does not answer")
	errEnded  = errors.New("the server has ended the subscription")
	errForm   = errors.New("a message of an unexpected form")
)

func (s *subscription) lost(err error) {
	if !s.told && s.options.Notify != nil {
		s.options.Notify(driver.SubscriptionLost, err)
	}
	s.told = true
}

// attempt subscribes, and delivers messages until the session ends.
func (s *subscription) attempt(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	key, name := "", driver.Literal
	if s.kind == driver.ShardChannels {
		key, name = s.names[0], driver.Key
	}
	session, err := s.store.Exclusive(soon, key)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	args := make([]driver.Arg, len(s.names))
	for i := range s.names {
		args[i] = name(s.names[i])
	}
	if err := session.Send(soon, []*driver.Cmd{driver.NewCustomCmd(s.command, args...)}); err != nil {
		return err
	}
	s.session, s.early = session, nil
	if err := s.confirm(soon); err != nil {
		return err
	}
	return s.listen(ctx)
}

// confirm waits until the server has confirmed each name. What comes before that is
// delivered behind the news that the subscription is in force.
func (s *subscription) confirm(ctx context.Context) error {
	for confirmed := 0; confirmed < len(s.names); {
		in, err := s.session.Receive(ctx)
		if err != nil {
			return err
		}
		if isConfirmation(&in, s.command) {
			confirmed++
			continue
		}
		m, err := s.read(&in)
		if err != nil {
			return err
		}
		s.early = append(s.early, m)
	}
	event := driver.Subscribed
	if s.begun {
		event = driver.Resubscribed
	}
	s.begun, s.inForce = true, true
	if s.told && s.options.Notify != nil {
		s.options.Notify(driver.SubscriptionRestored, nil)
	}
	s.told = false
	s.handle(driver.Message{Event: event})
	for _, m := range s.early {
		s.handle(m)
	}
	s.early = nil
	return nil
}

func isConfirmation(in *driver.Incoming, command string) bool {
	return in.Pushed && len(in.Reply.Items) == 3 && strings.EqualFold(string(in.Reply.Items[0].Data), command)
}

// listen delivers messages, and finds out when there is nobody any more to send them.
func (s *subscription) listen(ctx context.Context) error {
	asked := false
	for {
		heard, err := s.during(ctx, heartbeat)
		switch {
		case err != nil:
			return err
		case heard:
			asked = false
		case asked:
			return errSilent
		default:
			if err := s.session.Send(ctx, []*driver.Cmd{driver.NewCustomCmd("PING")}); err != nil {
				return err
			}
			asked = true
		}
	}
}

// during delivers messages for a time, and reports whether anything has come.
func (s *subscription) during(ctx context.Context, time time.Duration) (heard bool, err error) {
	limited, cancel := context.WithTimeout(ctx, time)
	defer cancel()
	for {
		in, err := s.session.Receive(limited)
		switch {
		case err == nil:
		case ctx.Err() == nil && limited.Err() != nil && s.session.Err() == nil:
			return heard, nil
		default:
			return heard, err
		}
		heard = true
		if !in.Pushed || isPong(&in) {
			continue
		}
		m, err := s.read(&in)
		if err != nil {
			return heard, err
		}
		s.handle(m)
	}
}

// isPong reports whether something is the reply to PING of a session in RESP2, which has
// subscribed.
func isPong(in *driver.Incoming) bool {
	return len(in.Reply.Items) == 2 && string(in.Reply.Items[0].Data) == "pong"
}

// read returns a published message.
func (s *subscription) read(in *driver.Incoming) (driver.Message, error) {
	items := in.Reply.Items
	if !in.Pushed || len(items) < 3 {
		return driver.Message{}, errForm
	}
	switch word := string(items[0].Data); {
	case (word == "message" || word == "smessage") && len(items) == 3:
		return driver.Message{Channel: string(items[1].Data), Payload: items[2].Data}, nil
	case word == "pmessage" && len(items) == 4:
		return driver.Message{Pattern: string(items[1].Data), Channel: string(items[2].Data), Payload: items[3].Data}, nil
	case strings.HasSuffix(word, "unsubscribe"): // of a slot that moves, say
		return driver.Message{}, errEnded
	}
	return driver.Message{}, errForm
}
