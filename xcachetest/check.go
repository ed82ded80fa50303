package xcachetest

import "slices"

// A check is one row of the table.
type check struct {
	name  string
	rule  string
	needs []string
	// run returns every violation it sees, joined.
	run func(s *subject) error
}

// What a check can need, besides commands.
const (
	commander  = "Commander"
	expirer    = "Expirer"
	counter    = "Counter"
	swapper    = "Swapper"
	mover      = "Mover"
	scanner    = "Scanner"
	flusher    = "Flusher"
	pinger     = "Pinger"
	replicated = "Replicated"
	disconnect = "Disconnector"
	exclusive  = "Exclusive"
	behindAddr = "Addr" // a proxy in between
)

func needs(names ...string) []string { return names }

// table returns all checks, in the order they run.
func table() []check {
	return slices.Concat(
		capabilityChecks(),
		keyChecks(),
		valueChecks(),
		getChecks(),
		setChecks(),
		deleteChecks(),
		ttlChecks(),
		expirerChecks(),
		counterChecks(),
		swapperChecks(),
		moverChecks(),
		scannerChecks(),
		commanderChecks(),
		commandChecks(),
		replicatedChecks(),
		errorChecks(),
		contextChecks(),
		roundTripChecks(),
		faultChecks(),
		closeChecks(),
		cacheKeyChecks(),
		cacheTTLChecks(),
		cacheValueChecks(),
		cacheOperationChecks(),
		getOrSetChecks(),
		pipelineChecks(),
		cacheErrorChecks(),
	)
}
