package xcachetest

import "slices"

// A check is one row of the table.
type check struct {
	name  string
	rule  string
	needs []string
	// run returns every violation it sees, joined.
	run func(s *subject) error
	// tell is in the place of run for an observation. It returns what it saw; an error
	// is told, too.
	tell func(s *subject) (string, error)
}

// level says what the check means to a driver. A check that needs something which not
// every driver has is for those that claim it.
func (c *check) level() Level {
	if c.tell != nil {
		return LevelObservation
	}
	for _, need := range c.needs {
		switch need {
		case wholeDatabase, behindAddr, keeps: // of the harness, and of nearly all
		default:
			return LevelOption
		}
	}
	return LevelRule
}

// What a check can need, besides commands.
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
	// The harness.
	wholeDatabase = "Harness.Exclusive"
	behindAddr    = "Addr" // a proxy in between

	// What the store does with what it is given: one of the two.
	keeps        = "Keeps"
	keepsNothing = "KeepsNothing"
)

func needs(names ...string) []string { return names }

// inPipeline begins the need of a command in pipelines, which stores without a Commander
// have too.
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

// keptChecks returns the checks that stores are held to which keep what they are given.
// A store that keeps nothing is held to those of them that forAll names.
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
		cacheKeyChecks(),
		cacheTTLChecks(),
		cacheValueChecks(),
		cacheOperationChecks(),
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
