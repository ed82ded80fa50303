package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// defaultProtocol is the version of RESP unless the DSN asks for another one.
// Version 3 lets the server push messages between a command and its reply.
// Nothing here wants any, and looking out for them costs each command a tenth
// of its time.
const defaultProtocol = 2

// A client is a client of go-redis.
type client struct {
	*goredis.Client
	// network is what its connections share; nil if the program made it.
	network *network
}

func clientOf(c *goredis.Client) *client { return &client{Client: c} }

// newClient returns a client that does what the settings say, and leaves to the
// store what the store does better: retries, deadlines and connecting.
func newClient(n *network) *client {
	s := n.settings
	options := &goredis.Options{
		Network: s.Network,
		Addr:    s.Addr,
		Dialer:  n.connect,
		DB:      s.DB,

		Protocol:  s.Protocol,
		OnConnect: onConnect(s),
		// CLIENT SETINFO tells the server the name of the library, for the
		// price of a round trip for each connection.
		DisableIdentity: true,
		// A hand-over announced by the server is for hosted Redis Enterprise,
		// and costs a command for each connection.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},

		// Nothing is sent twice but by the store.
		MaxRetries: -1,
		// Every request has a deadline in its context.
		ContextTimeoutEnabled: true,
		ReadTimeout:           orNone(s.ReadTimeout),
		WriteTimeout:          orNone(s.WriteTimeout),
		PoolTimeout:           s.OpTimeout,

		// Connecting is up to dialer.
		DialTimeout:   s.DialTimeout,
		DialerRetries: 1,

		PoolSize: s.PoolSize,
		// Pipelines use the same connections, so that there are no more of them
		// than pool_size says.
		PipelinePoolSize: -1,
	}
	if s.ReadTimeout == 0 {
		options.ReadTimeout = writeDeadlineOnly
	}
	if options.Protocol == 0 {
		options.Protocol = defaultProtocol
	}
	if s.HasPassword() {
		options.CredentialsProviderContext = func(context.Context) (string, string, error) {
			password, err := s.Password()
			return s.User, password, err
		}
	}
	return &client{goredis.NewClient(options), n}
}

// writeDeadlineOnly has go-redis set no deadline before it reads: the one that it
// set before it wrote is for both, see conn.
const writeDeadlineOnly = -2

// orNone returns what go-redis takes for a time-out that is not set.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
