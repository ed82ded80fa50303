// Package subscription runs subscriptions on exclusive connections, for stores with
// driver.Exclusive.
package subscription

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// heartbeat is the time without a message before a PING. Without a reply for the same
	// time, the connection counts as lost: a frozen server, or a broken network, is
	// otherwise like a server without messages.
	heartbeat = 2 * time.Second
	// minBackoff and maxBackoff limit the wait between attempts to subscribe again. The
	// wait doubles after each failure, and starts again at minBackoff after a confirmed
	// subscription.
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// Options are the options of a subscription.
type Options struct {
	// Timeout limits an attempt to subscribe.
	Timeout time.Duration
	// Notify is called when the subscription is lost, and when the subscription is
	// restored. Notify may be nil.
	Notify func(kind driver.EventKind, err error)
}

// Subscribe implements driver.Subscriber on sessions of a store.
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

// passes reports whether a failure is temporary: the server is not ready, or is no longer
// the right server, such as after the move of a slot.
func passes(err error) bool {
	failed, ok := errors.AsType[*driver.Error](err)
	return ok && failed.Transient
}

// commands has the commands that subscribe. A confirmation begins with the name of its
// command.
var commands = [...]string{driver.Channels: "SUBSCRIBE", driver.Patterns: "PSUBSCRIBE", driver.ShardChannels: "SSUBSCRIBE"}

type subscription struct {
	store   driver.Exclusive
	options Options
	command string
	kind    driver.SubscriptionKind
	names   []string
	handle  func(driver.Message)

	begun   bool // the subscription was confirmed once
	inForce bool // the subscription is confirmed in this attempt
	told    bool // the observer was told of the loss
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

// confirm waits until the server has confirmed each name. Earlier messages are delivered
// after the event of the subscription.
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

// listen delivers messages, and detects a lost connection by PING.
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

// during delivers messages for a time, and reports whether any message was received.
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

// isPong reports whether in is the reply to a PING in RESP2, on a session with
// subscriptions.
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
	case strings.HasSuffix(word, "unsubscribe"): // the move of a slot, for example
		return driver.Message{}, errEnded
	}
	return driver.Message{}, errForm
}
