package node

import "context"

// A Listener is a Node that hears what its server publishes. It is an ability that
// a node may lack.
type Listener interface {
	// Listen subscribes to channels, over a connection of its own, and calls hear
	// with each message that is published there; before that once, with an empty
	// one, when the subscription stands: what was published earlier is missed.
	// hear may be called concurrently, and must not block.
	//
	// It returns an error that says why the subscription ended, or could not be
	// had: that of ctx, soon after ctx has ended. It does not subscribe again.
	// It must have returned before the node is closed.
	Listen(ctx context.Context, hear func(message string), channels ...string) error
}
