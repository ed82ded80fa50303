package xcachetest

import "slices"

// A check is one row of the table.
type check struct {
	name  string
	rule  string
	needs []string
	// run returns all violations of the rule, joined.
	run func(s *subject) error
	// tell replaces run for an observation, and returns the observation. An error is
	// reported, too.
	tell func(s *subject) (string, error)
}

// level returns the level of the check. A check that needs an optional capability is an
// option.
func (c *check) level() Level {
	if c.tell != nil {
		return LevelObservation
	}
	for _, need := range c.needs {
		switch need {
		case wholeDatabase, behindAddr, keeps: // of the harness, and of nearly all drivers
		default:
			return LevelOption
		}
	}
	return LevelRule
}

// These words are needs of checks, besides commands.
const (
	commander      = "Commander"
	expirer        = "Expirer"
	counter        = "Counter"
	swapper        = "Swapper"
	mover          = "Mover"
	scanner        = "Scanner"
	flusher        = "Flusher"
	pinger         = "Pinger"
	replicated     = "Replicated"
	disconnect     = "Disconnector"
	inspector      = "Inspector"
	ownConnection  = "Exclusive"
	ownTransaction = "Watcher"
	locator        = "Locator"
	// The harness.
	wholeDatabase = "Harness.Exclusive"
	behindAddr    = "Addr" // a proxy in between

	// The store either keeps values or keeps nothing.
	keeps        = "Keeps"
	keepsNothing = "KeepsNothing"
)

func needs(names ...string) []string { return names }

// inPipeline is the beginning of the need for a command in pipelines. Stores without a
// Commander also have pipelines.
const inPipeline = "in a pipeline: "

// queued returns the needs of a check that queues commands in a Plain pipeline.
func queued(commands ...string) []string {
	list := make([]string, len(commands))
	for i, command := range commands {
		list[i] = inPipeline + command
	}
	return list
}

// table returns all checks, in the order they run.
func table() []check {
	return slices.Concat(nothingChecks(), keptChecks(), observations())
}

// keptChecks returns the checks of stores that keep values. For a store that keeps nothing,
// only the checks in forAll apply.
func keptChecks() []check {
	checks := slices.Concat(
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
		exclusiveChecks(),
		unreadChecks(),
		pubSubChecks(),
		inspectChecks(),
		breakerChecks(),
		cacheKeyChecks(),
		cacheTTLChecks(),
		cacheValueChecks(),
		cacheOperationChecks(),
		cacheTagChecks(),
		getOrSetChecks(),
		pipelineChecks(),
		scriptChecks(),
		luaChecks(),
		waitChecks(),
		watchChecks(),
		streamWaitChecks(),
		cacheErrorChecks(),
	)
	for i, c := range checks {
		if !slices.Contains(forAll, c.name) {
			checks[i].needs = append(slices.Clip(c.needs), keeps)
		}
	}
	return checks
}
