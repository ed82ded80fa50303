package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// correct is embedded in broken and odd stores, which replace a method or two.
type correct = *memory.Store

func newCorrect() correct {
	store, err := memory.NewStore(memory.Options{})
	if err != nil {
		panic(err)
	}
	return store
}

// brokenStores are stores with one bug each, and the checks that must find the bug.
var brokenStores = []struct {
	name   string
	open   func() driver.Store
	caught []string
}{
	{"Add looks first and then writes", func() driver.Store { return addInTwoSteps{newCorrect()} }, []string{"set/if-absent-is-atomic", "cache/add-is-atomic"}},
	{"TTLs are cut to milliseconds, and so to 0", func() driver.Store { return ttlRewritten{newCorrect(), cutTo(time.Millisecond)} }, []string{"ttl/positive-below-resolution-rounds-up", "ttl/fraction-of-a-step-rounds-up", "expirer/expire-below-resolution-rounds-up"}},
	{"TTLs are cut to seconds", func() driver.Store { return ttlRewritten{newCorrect(), cutTo(time.Second)} }, []string{"ttl/whole-seconds-and-parts-of-them"}},
	{"TTLs under a second become an hour", func() driver.Store { return ttlRewritten{newCorrect(), underASecondIsAnHour} }, []string{"ttl/positive-below-resolution-rounds-up"}},
	{"expired TTLs are stored for ever", func() driver.Store { return ttlRewritten{newCorrect(), expiredIsForever} }, []string{"ttl/set-negative", "ttl/set-zero", "ttl/shortest-negative", "expirer/expire-expired", "cache-ttl/expired"}},
	{"TTLs over 30 days are taken for dates", func() driver.Store { return ttlRewritten{newCorrect(), thirtyDaysIsADate} }, []string{"ttl/thirty-days-and-a-second", "expirer/expire-long"}},
	{"KeepTTL takes the TTL away", func() driver.Store { return ttlRewritten{newCorrect(), keepIsNone} }, []string{"ttl/set-keep", "ttl/kept-ttl-still-ends", "swap/ttl", "cas/ttl", "cache-ttl/options"}},
	{"value and TTL are set in two steps", func() driver.Store { return ttlInTwoSteps{newCorrect()} }, []string{"ttl/no-window-without-ttl", "ttl/no-window-with-condition"}},
	{"an expired key is in Add's way", func() driver.Store { return &addRemembers{correct: newCorrect()} }, []string{"ttl/expired-is-absent-to-set-if-absent"}},
	{"Replace with an expired TTL leaves the key", func() driver.Store { return replaceExpiredLeaves{newCorrect()} }, []string{"ttl/set-if-present-zero", "ttl/set-if-present-negative", "cache-ttl/expired"}},
	{"Inspect is for open stores", func() driver.Store { return &inspectOfOpenStores{correct: newCorrect()} }, []string{"inspect/at-any-time"}},
	{"Inspect shows the last key", func() driver.Store { return &inspectShowsKeys{correct: newCorrect()} }, []string{"inspect/at-any-time"}},
	{"too many arguments keep an atomic batch from running", func() driver.Store { return countsWhileQueueing{newCorrect()} }, []string{"commander/too-many-arguments-in-atomic-batches"}},
	{"Delete counts the keys it was given", func() driver.Store { return deleteCountsGiven{newCorrect()} }, []string{"delete/counts-what-was-there", "cache/delete"}},
	{"Delete counts duplicates", func() driver.Store { return deleteCountsDuplicates{newCorrect()} }, []string{"delete/duplicates-count-once"}},
	{"Get uses its buffer again", func() driver.Store { return &getReusesBuffer{correct: newCorrect()} }, []string{"values/data-lasts"}},
	{"Get gives slices of one buffer", func() driver.Store { return getSharesBuffer{newCorrect()} }, []string{"values/capacity-not-shared"}},
	{"Set keeps the caller's slice", func() driver.Store { return &setKeepsSlice{correct: newCorrect(), kept: make(map[string][]byte)} }, []string{"values/input-not-kept"}},
	{"Set changes the caller's entries", func() driver.Store { return setChangesEntries{newCorrect()} }, []string{"values/input-not-changed"}},
	{"Set leaves an old Err where it succeeded", func() driver.Store { return setLeavesErr{newCorrect()} }, []string{"set/outcome-overwrites-what-was-there"}},
	{"a batch is cut after 1000 entries", func() driver.Store { return batchCut{newCorrect()} }, []string{"set/large-batch", "get/large-batch"}},
	{"a write whose condition does not hold is no error", func() driver.Store { return notStoredIsNil{newCorrect()} }, []string{"set/if-absent", "set/if-present", "cache/add"}},
	{"without Commander, a batch is written backwards", func() driver.Store { return struct{ driver.Store }{batchBackwards{newCorrect()}} }, []string{"pipeline/values", "set/in-order"}},
	{"a batch stops at its first failure", func() driver.Store { return batchStops{newCorrect()} }, []string{"set/outcome-of-each", "set/in-order"}},
	{"a batch is read in sorted order", func() driver.Store { return getSorts{newCorrect()} }, []string{"get/order"}},
	{"duplicate keys are read once", func() driver.Store { return getDeduplicates{newCorrect()} }, []string{"get/duplicates"}},
	{"a miss is the client's own error", func() driver.Store {
		return missRewritten{newCorrect(), func(error) error { return errors.New("client: nil") }}
	}, []string{"get/miss"}},
	{"a miss is wrapped", func() driver.Store {
		return missRewritten{newCorrect(), func(err error) error { return fmt.Errorf("get: %w", err) }}
	}, []string{"get/miss"}},
	{"a miss is an error of the call", func() driver.Store { return missFailsCall{newCorrect()} }, []string{"errors/keys-do-not-fail-the-call", "get/miss"}},
	{"an empty value is a miss", func() driver.Store { return emptyIsMiss{newCorrect()} }, []string{"values/empty", "values/nil-is-empty"}},
	{"values end at a zero byte", func() driver.Store { return valuesEndAtZero{newCorrect()} }, []string{"values/every-byte"}},
	{"keys are trimmed", func() driver.Store { return trimsKeys{newCorrect()} }, []string{"keys/space-and-case"}},
	{"keys are compared without case", func() driver.Store { return foldsKeys{newCorrect()} }, []string{"keys/space-and-case"}},
	{"a key of another type is a miss", func() driver.Store { return wrongTypeIsMiss{newCorrect()} }, []string{"get/wrong-type-alone"}},
	{"Incr creates a missing key", func() driver.Store { return incrCreates{newCorrect()} }, []string{"counter/missing", "ttl/expired-is-absent-to-incr", "counter/never-revives-an-expiring-key", "cache/incr"}},
	{"Incr loses the TTL", func() driver.Store { return incrLosesTTL{newCorrect()} }, []string{"counter/keeps-ttl", "cache/incr"}},
	{"Incr reads and then writes", func() driver.Store { return incrInTwoSteps{newCorrect()} }, []string{"counter/atomic"}},
	{"Incr overwrites a key of another type", func() driver.Store { return incrOverwrites{newCorrect()} }, []string{"counter/wrong-type", "counter/not-an-integer"}},
	{"Incr wraps around", func() driver.Store { return incrWraps{newCorrect()} }, []string{"counter/overflow", "cache/incr-errors"}},
	{"IncrInit forgets the TTL", func() driver.Store { return incrInitForgetsTTL{newCorrect()} }, []string{"counter/init-creates", "counter/init-expires", "cache/incr-init"}},
	{"IncrInit of an existing key renews the TTL", func() driver.Store { return incrInitRenews{newCorrect()} }, []string{"counter/init-of-existing"}},
	{"Swap gives the new value", func() driver.Store { return swapGivesNew{newCorrect()} }, []string{"swap/returns-what-was-there", "cache/swap"}},
	{"Swap of an absent key stores nothing", func() driver.Store { return swapNeedsKey{newCorrect()} }, []string{"swap/absent", "cache/swap"}},
	{"CompareAndSwap compares the start only", func() driver.Store { return casComparesPrefix{newCorrect()} }, []string{"cas/compares-all-bytes"}},
	{"CompareAndSwap takes absent for empty", func() driver.Store { return casAbsentIsEmpty{newCorrect()} }, []string{"cas/absent", "cache/compare-and-swap"}},
	{"CompareAndSwap compares and then writes", func() driver.Store { return casInTwoSteps{newCorrect()} }, []string{"cas/atomic", "cache/compare-and-swap-counts"}},
	{"Rename drops the TTL", func() driver.Store { return renameDropsTTL{newCorrect()} }, []string{"rename/moves", "rename/expires", "cache/rename", "cache/incr-version"}},
	{"Rename of a missing key succeeds", func() driver.Store { return renameMissing{newCorrect()} }, []string{"rename/missing", "cache/incr-version"}},
	{"RenameNX overwrites", func() driver.Store { return renameNXOverwrites{newCorrect()} }, []string{"rename-nx/occupied", "rename-nx/atomic"}},
	{"Expire creates a missing key", func() driver.Store { return expireCreates{newCorrect()} }, []string{"expirer/expire-absent"}},
	{"Expire says that a persistent key is missing", func() driver.Store { return expirePersistentFails{newCorrect()} }, []string{"expirer/expire-to-none", "cache/touch"}},
	{"TTL of a persistent key is 0", func() driver.Store { return ttlZeroIsNone{newCorrect()} }, []string{"expirer/ttl", "cache/ttl"}},
	{"Scan misses keys", func() driver.Store { return scanRewritten{newCorrect(), skipsSome} }, []string{"scan/large-keyspace", "cache-keys/keys-of-many"}},
	{"Scan ignores the pattern's classes", func() driver.Store { return scanIgnoresClasses{newCorrect()} }, []string{"scan/class", "scan/range", "scan/negated-class"}},
	{"Scan goes on after a break", func() driver.Store { return scanRewritten{newCorrect(), ignoresBreak} }, []string{"scan/stops-at-break"}},
	{"Scan ignores its context", func() driver.Store { return scanIgnoresContext{newCorrect()} }, []string{"scan/ends-with-its-context"}},
	{"a context that has ended is ignored", func() driver.Store { return ignoresContext{newCorrect()} }, []string{"context/ended-before-get", "context/ended-before-set", "context/ended-before-delete", "context/deadline-that-has-passed"}},
	{"an ended context is not in the error", func() driver.Store { return hidesContext{newCorrect()} }, []string{"context/ended-before-set"}},
	{"Close leaves a goroutine", func() driver.Store { return newLeaky() }, []string{"close/leaves-no-goroutine"}},
	{"errors show values", func() driver.Store { return errorsShowValues{newCorrect()} }, []string{"errors/no-values"}},
	{"errors have two prefixes", func() driver.Store { return errorsHaveTwoPrefixes{newCorrect()} }, []string{"errors/one-prefix"}},
	{"a refusal says that it may have been applied", func() driver.Store { return refusalsAreUnknown{newCorrect()} }, []string{"errors/refusals-are-not-applied"}},
	{"a capability got lost", func() driver.Store { return struct{ driver.Store }{newCorrect()} }, []string{"caps/declared-equals-detected"}},
	{"a capability is declared by accident", func() driver.Store { return alsoTracker{newCorrect()} }, []string{"caps/declared-equals-detected"}},
	{"a fill ignores the lease", func() driver.Store { return fillsAnyway{newCorrect()} }, []string{"command/XCACHE.LEASE.FILL", "command/XCACHE.LEASE.REVOKE", "get-or-set/invalidation-elsewhere-wins"}},
	{"a fill replaces no stale value", func() driver.Store {
		return oldIs{newCorrect(), func(time.Duration) time.Duration { return time.Millisecond }}
	}, []string{"command/XCACHE.LEASE.FILL", "get-or-set/stale"}},
	{"a fill replaces a valid value", func() driver.Store {
		return oldIs{newCorrect(), func(d time.Duration) time.Duration { return 1000 * d }}
	}, []string{"command/XCACHE.LEASE.FILL"}},
	{"each load is elected", func() driver.Store { return electsAll{newCorrect()} }, []string{"command/XCACHE.LEASE.ELECT", "command/XCACHE.LEASE.REPLACE", "get-or-set/one-loader", "get-or-set/missing-is-remembered"}},
	{"asking renews the lease of another", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdLeaseElect, as(driver.CmdLease)} }, []string{"command/XCACHE.LEASE.ELECT"}},
	{"a lease is renewed after its revocation", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdLeaseReplace, renewsAnyway} }, []string{"command/XCACHE.LEASE.REPLACE"}},
	{"asking takes the marker's place", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdLease, overMarkers} }, []string{"command/XCACHE.LEASE.REPLACE", "get-or-set/missing-is-remembered"}},
	{"Delete leaves the lease", func() driver.Store { return deleteLeavesLeases{newCorrect()} }, []string{"command/XCACHE.LEASE.REVOKE", "get-or-set/invalidation-elsewhere-wins"}},
	{"GETDEL leaves the value", func() driver.Store { return commandRewritten{newCorrect(), "GETDEL", readsAlone} }, []string{"command/GETDEL", "cache/take"}},
	{"GETEX leaves the TTL", func() driver.Store { return commandRewritten{newCorrect(), "GETEX", readsAlone} }, []string{"command/GETEX", "cache/sliding"}},
	{"of a batch of fills the first is run", func() driver.Store { return fillsOne{newCorrect()} }, []string{"get-or-set/many"}},
	{"a command is missing", func() driver.Store { return commandMissing{newCorrect()} }, []string{"caps/declared-commands-equal-detected"}},
	{"a nil reply is an error", func() driver.Store { return nilIsError{newCorrect()} }, []string{"commander/nil-is-a-reply", "command/GET"}},
	{"commands run in reverse", func() driver.Store { return commandsReversed{newCorrect()} }, []string{"commander/plain-in-order", "commander/atomic-in-order"}},
	{"one command's error is the call's", func() driver.Store { return commandFailsCall{newCorrect()} }, []string{"commander/own-errors-stay-their-own", "commander/unknown-in-plain-batch"}},
	{"an atomic batch runs one by one", func() driver.Store { return atomicOneByOne{newCorrect()} }, []string{"commander/atomic-is-atomic", "commander/unknown-in-atomic-batch"}},
	{"an unknown command is nil", func() driver.Store { return unknownIsNil{newCorrect()} }, []string{"commander/unknown-in-plain-batch", "commander/unknown-names"}},
	{"bad syntax is the client's own error", func() driver.Store { return syntaxIsOwn{newCorrect()} }, []string{"commander/bad-syntax"}},
	{"an option that is unknown is ignored", func() driver.Store { return ignoresOptions{newCorrect()} }, []string{"commander/bad-syntax"}},
	{"a custom command is nil", func() driver.Store { return customIsNil{newCorrect()} }, []string{"commander/custom"}},
	{"an unknown command panics", func() driver.Store { return unknownPanics{newCorrect()} }, []string{"commander/unknown-in-plain-batch"}},
	{"Delete hangs", func() driver.Store { return deleteHangs{newCorrect()} }, []string{"delete/duplicates-count-once"}},
	{"Ping lies", func() driver.Store { return pingFails{newCorrect()} }, []string{"ping/answers", "cache/ping"}},
	{"nobody is told of a release", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdLock, runWith(3, func(driver.Arg) driver.Arg { return driver.Int(0) })}
	}, []string{"pubsub/tells-who-waits-for-a-lock"}},
	{"each release is told, also if nobody waits", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdLock, runWith(3, func(driver.Arg) driver.Arg { return driver.Int(1) })}
	}, []string{"pubsub/tells-who-waits-for-a-lock"}},
	{"nobody is told of a result", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdOnce, runWith(3, func(driver.Arg) driver.Arg { return driver.Int(0) })}
	}, []string{"pubsub/tells-who-waits-for-a-result"}},
	{"nobody has a place in the queue", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdSemaphore, runWith(5, func(driver.Arg) driver.Arg { return driver.Int(0) })}
	}, []string{"pubsub/tells-the-first-in-the-queue"}},
	{"rate limits that are refused take of the others", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdRateLimit, refusalTakesOfOthers} }, []string{"command/" + driver.CmdRateLimit}},
	{"rate limits are looked at, and then taken of", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdRateLimit, looksThenTakes} }, []string{"command/" + driver.CmdRateLimit}},
	{"units of rate limits stay taken", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdRateLimit, runWith(5, aThousandTimes)}
	}, []string{"command/" + driver.CmdRateLimit}},
	{"bursts are ignored", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdRateLimit, runWith(6, func(driver.Arg) driver.Arg { return driver.Int(0) })}
	}, []string{"command/" + driver.CmdRateLimit}},
	{"idempotency keys are looked at, and then taken", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdOnce, looksThenClaims} }, []string{"command/" + driver.CmdOnce}},
	{"leases of idempotency keys do not end", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdOnce, runWith(2, aThousandTimes)} }, []string{"command/" + driver.CmdOnce}},
	{"a second result of an idempotency key replaces the first", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdOnceDone, lastValueWins} }, []string{"command/" + driver.CmdOnceDone}},
	{"results of idempotency keys stay", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdOnceDone, runWith(3, aThousandTimes)}
	}, []string{"command/" + driver.CmdOnceDone}},
	{"all generations of a tag are the same", func() driver.Store {
		return commandRewritten{newCorrect(), driver.CmdGeneration, runWith(1, func(driver.Arg) driver.Arg { return driver.Field("1") })}
	}, []string{"command/" + driver.CmdGeneration, "tags/invalidated"}},
	{"generations of a tag are looked at, and then made", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdGeneration, looksThenMakes} }, []string{"command/" + driver.CmdGeneration}},
	{"a shorter TTL makes a tag expire earlier", func() driver.Store { return commandRewritten{newCorrect(), driver.CmdGeneration, lastTTLWins} }, []string{"command/" + driver.CmdGeneration}},
	{"Flush leaves some", func() driver.Store { return flushNothing{newCorrect()} }, []string{"flush/empties", "cache-keys/flush"}},
}

// readsAlone runs GETDEL and GETEX as GET.
func readsAlone(ctx context.Context, s correct, cmd *driver.Cmd) error {
	get := driver.NewCmd("GET", cmd.Args[:min(1, len(cmd.Args))]...)
	err := runOne(ctx, s, get)
	cmd.Reply, cmd.Err = get.Reply, get.Err
	return err
}

// Stores whose leases keep nothing out.

type fillsAnyway struct{ correct }

func (s fillsAnyway) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if cmd.Name != driver.CmdLeaseFill || len(cmd.Args) < 4 {
			continue
		}
		token := driver.NewCmd(driver.CmdLease, cmd.Args[0], driver.Field("whatever"), driver.Duration(time.Minute))
		if err := s.correct.Do(ctx, []*driver.Cmd{token}, driver.Plain); err != nil {
			return err
		}
		cmd.Args[1] = driver.Field(string(token.Reply.Data))
	}
	return s.correct.Do(ctx, cmds, how)
}

// oldIs takes another TTL for that of an old value, which a fill may replace.
type oldIs struct {
	correct
	change func(time.Duration) time.Duration
}

func (s oldIs) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if cmd.Name == driver.CmdLeaseFill && len(cmd.Args) == 5 {
			if d, ok := cmd.Args[4].Duration(); ok {
				cmd.Args[4] = driver.Duration(s.change(d))
			}
		}
	}
	return s.correct.Do(ctx, cmds, how)
}

type fillsOne struct{ correct }

func (s fillsOne) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) < 2 || cmds[0].Name != driver.CmdLeaseFill {
		return s.correct.Do(ctx, cmds, how)
	}
	for _, cmd := range cmds[1:] {
		cmd.Reply = driver.IntReply(1)
	}
	return s.correct.Do(ctx, cmds[:1], how)
}

// deleteLeavesLeases deletes by another command than its Delete.
type deleteLeavesLeases struct{ correct }

func (s deleteLeavesLeases) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return s.correct.Delete(ctx, keys)
	}
	del := driver.NewCmd("DEL")
	for _, key := range keys {
		del.Args = append(del.Args, driver.Key(key))
	}
	if err := s.Do(ctx, []*driver.Cmd{del}, driver.Plain); err != nil {
		return 0, err
	}
	n, err := del.Reply.AsInt()
	return int(n), errors.Join(err, del.Err)
}

// Stores that write wrongly.

type addInTwoSteps struct{ correct }

func (s addInTwoSteps) Set(ctx context.Context, entries []driver.Entry) error {
	return eachEntry(ctx, s.correct, entries, func(e *driver.Entry) {
		if e.Cond == driver.IfAbsent {
			if _, err := getOne(ctx, s.correct, e.Key); err == nil {
				e.Err = driver.ErrNotStored
				return
			}
			letOthersIn()
			e.Cond = driver.Always
		}
		setOne(ctx, s.correct, e)
	})
}

// ttlRewritten changes the TTL of every write.
type ttlRewritten struct {
	correct
	rewrite func(time.Duration) time.Duration
}

func (s ttlRewritten) Set(ctx context.Context, entries []driver.Entry) error {
	changed := s.changed(entries)
	defer copyErrs(entries, changed)
	return s.correct.Set(ctx, changed)
}

func (s ttlRewritten) Expire(ctx context.Context, entries []driver.Entry) error {
	changed := s.changed(entries)
	defer copyErrs(entries, changed)
	return s.correct.Expire(ctx, changed)
}

func (s ttlRewritten) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	return s.correct.Swap(ctx, &s.changed([]driver.Entry{*e})[0], old)
}

func (s ttlRewritten) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	return s.correct.CompareAndSwap(ctx, &s.changed([]driver.Entry{*e})[0], old)
}

func (s ttlRewritten) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	return s.correct.IncrInit(ctx, key, delta, init, s.rewrite(ttl))
}

func (s ttlRewritten) changed(entries []driver.Entry) []driver.Entry {
	changed := slices.Clone(entries)
	for i := range changed {
		changed[i].TTL = s.rewrite(changed[i].TTL)
	}
	return changed
}

func isPositive(ttl time.Duration) bool { return ttl > 0 && ttl != driver.NoExpiry }

func cutTo(step time.Duration) func(time.Duration) time.Duration {
	return func(ttl time.Duration) time.Duration {
		if isPositive(ttl) {
			return ttl.Truncate(step)
		}
		return ttl
	}
}

func underASecondIsAnHour(ttl time.Duration) time.Duration {
	if isPositive(ttl) && ttl < time.Second {
		return time.Hour
	}
	return ttl
}

func expiredIsForever(ttl time.Duration) time.Duration {
	if driver.Expired(ttl) {
		return driver.NoExpiry
	}
	return ttl
}

func thirtyDaysIsADate(ttl time.Duration) time.Duration {
	if isPositive(ttl) && ttl > 30*24*time.Hour {
		return time.Until(time.Unix(int64(ttl/time.Second), 0))
	}
	return ttl
}

func keepIsNone(ttl time.Duration) time.Duration {
	if ttl == driver.KeepTTL {
		return driver.NoExpiry
	}
	return ttl
}

type ttlInTwoSteps struct{ correct }

func (s ttlInTwoSteps) Set(ctx context.Context, entries []driver.Entry) error {
	return eachEntry(ctx, s.correct, entries, func(e *driver.Entry) {
		first := *e
		if isPositive(e.TTL) {
			first.TTL = driver.NoExpiry
		}
		setOne(ctx, s.correct, &first)
		if e.Err = first.Err; e.Err == nil && isPositive(e.TTL) {
			letOthersIn()
			_ = s.correct.Expire(ctx, []driver.Entry{{Key: e.Key, TTL: e.TTL}})
		}
	})
}

type addRemembers struct {
	correct
	seen sync.Map
}

func (s *addRemembers) Set(ctx context.Context, entries []driver.Entry) error {
	return eachEntry(ctx, s.correct, entries, func(e *driver.Entry) {
		if _, seen := s.seen.Load(e.Key); seen && e.Cond == driver.IfAbsent {
			e.Err = driver.ErrNotStored
			return
		}
		s.seen.Store(e.Key, true)
		setOne(ctx, s.correct, e)
	})
}

type replaceExpiredLeaves struct{ correct }

func (s replaceExpiredLeaves) Set(ctx context.Context, entries []driver.Entry) error {
	return eachEntry(ctx, s.correct, entries, func(e *driver.Entry) {
		if e.Cond == driver.IfPresent && driver.Expired(e.TTL) {
			if _, err := getOne(ctx, s.correct, e.Key); err != nil {
				e.Err = driver.ErrNotStored
			}
			return
		}
		setOne(ctx, s.correct, e)
	})
}

type setKeepsSlice struct {
	correct
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *setKeepsSlice) Set(ctx context.Context, entries []driver.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		s.kept[entries[i].Key] = entries[i].Value
	}
	return s.correct.Set(ctx, entries)
}

func (s *setKeepsSlice) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	err := s.correct.Get(ctx, keys, dst)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range dst {
		if dst[i].Err == nil {
			dst[i].Data = s.kept[keys[i]]
		}
	}
	return err
}

type setChangesEntries struct{ correct }

func (s setChangesEntries) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.correct.Set(ctx, entries)
	for i := range entries {
		entries[i].Value = append(entries[i].Value, "\r\n"...) // a client that frames in place does this
	}
	return err
}

type setLeavesErr struct{ correct }

func (s setLeavesErr) Set(ctx context.Context, entries []driver.Entry) error {
	changed := slices.Clone(entries)
	err := s.correct.Set(ctx, changed)
	for i := range entries {
		if changed[i].Err != nil {
			entries[i].Err = changed[i].Err
		}
	}
	return err
}

type batchCut struct{ correct }

func (s batchCut) Set(ctx context.Context, entries []driver.Entry) error {
	return s.correct.Set(ctx, entries[:min(len(entries), 1000)])
}

type notStoredIsNil struct{ correct }

func (s notStoredIsNil) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.correct.Set(ctx, entries)
	for i := range entries {
		entries[i].Err = nil
	}
	return err
}

type batchStops struct{ correct }

func (s batchStops) Set(ctx context.Context, entries []driver.Entry) error {
	for i := range entries {
		if err := s.correct.Set(ctx, entries[i:i+1]); err != nil || entries[i].Err != nil {
			return err
		}
	}
	return nil
}

type batchBackwards struct{ correct }

func (s batchBackwards) Set(ctx context.Context, entries []driver.Entry) error {
	for i := range slices.Backward(entries) {
		if err := s.correct.Set(ctx, entries[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

type deleteCountsGiven struct{ correct }

func (s deleteCountsGiven) Delete(ctx context.Context, keys []string) (int, error) {
	_, err := s.correct.Delete(ctx, keys)
	return len(keys), err
}

type deleteCountsDuplicates struct{ correct }

func (s deleteCountsDuplicates) Delete(ctx context.Context, keys []string) (int, error) {
	n := 0
	for _, key := range keys {
		if _, err := getOne(ctx, s.correct, key); err == nil {
			n++
		}
	}
	_, err := s.correct.Delete(ctx, keys)
	return n, err
}

type deleteHangs struct{ correct }

func (s deleteHangs) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 5 {
		select {}
	}
	return s.correct.Delete(ctx, keys)
}

// Stores that read wrongly.

// onGet lets a store change the results of Get.
func onGet(ctx context.Context, s correct, keys []string, dst []driver.Value, change func(i int, v *driver.Value)) error {
	err := s.Get(ctx, keys, dst)
	for i := range dst {
		change(i, &dst[i])
	}
	return err
}

type getReusesBuffer struct {
	correct
	mu     sync.Mutex
	buffer []byte
}

func (s *getReusesBuffer) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffer = s.buffer[:0]
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		n := len(s.buffer)
		s.buffer = append(s.buffer, v.Data...)
		v.Data = s.buffer[n:len(s.buffer):len(s.buffer)]
	})
}

type getSharesBuffer struct{ correct }

func (s getSharesBuffer) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	buffer := make([]byte, 0, 64<<10)
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		n := len(buffer)
		buffer = append(buffer, v.Data...)
		v.Data = buffer[n:]
	})
}

type getSorts struct{ correct }

func (s getSorts) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.correct.Get(ctx, slices.Sorted(slices.Values(keys)), dst)
}

type getDeduplicates struct{ correct }

func (s getDeduplicates) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	seen := make(map[string]bool)
	return onGet(ctx, s.correct, keys, dst, func(i int, v *driver.Value) {
		if seen[keys[i]] {
			*v = driver.Value{}
		}
		seen[keys[i]] = true
	})
}

type missRewritten struct {
	correct
	rewrite func(error) error
}

func (s missRewritten) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		if errors.Is(v.Err, driver.ErrNotFound) {
			v.Err = s.rewrite(v.Err)
		}
	})
}

type missFailsCall struct{ correct }

func (s missFailsCall) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return cmpErr(s.correct.Get(ctx, keys, dst), firstErr(dst))
}

type emptyIsMiss struct{ correct }

func (s emptyIsMiss) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		if v.Err == nil && len(v.Data) == 0 {
			v.Err = driver.ErrNotFound
		}
	})
}

type valuesEndAtZero struct{ correct }

func (s valuesEndAtZero) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) { v.Data, _, _ = bytes.Cut(v.Data, []byte{0}) })
}

type wrongTypeIsMiss struct{ correct }

func (s wrongTypeIsMiss) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		if errors.Is(v.Err, driver.ErrWrongType) {
			v.Err = driver.ErrNotFound
		}
	})
}

type trimsKeys struct{ correct }

func (s trimsKeys) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.correct.Get(ctx, changedKeys(keys, strings.TrimSpace), dst)
}

func (s trimsKeys) Set(ctx context.Context, entries []driver.Entry) error {
	return setWithKeys(ctx, s.correct, entries, strings.TrimSpace)
}

type foldsKeys struct{ correct }

func (s foldsKeys) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.correct.Get(ctx, changedKeys(keys, strings.ToLower), dst)
}

func (s foldsKeys) Set(ctx context.Context, entries []driver.Entry) error {
	return setWithKeys(ctx, s.correct, entries, strings.ToLower)
}

func changedKeys(keys []string, change func(string) string) []string {
	changed := make([]string, len(keys))
	for i, key := range keys {
		changed[i] = change(key)
	}
	return changed
}

func setWithKeys(ctx context.Context, s correct, entries []driver.Entry, change func(string) string) error {
	changed := slices.Clone(entries)
	for i := range changed {
		changed[i].Key = change(changed[i].Key)
	}
	defer copyErrs(entries, changed)
	return s.Set(ctx, changed)
}

// Stores that count, swap and move wrongly.

type incrCreates struct{ correct }

func (s incrCreates) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return s.correct.IncrInit(ctx, key, delta, 0, driver.NoExpiry)
}

type incrLosesTTL struct{ correct }

func (s incrLosesTTL) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if err == nil {
		err = s.correct.Expire(ctx, []driver.Entry{{Key: key, TTL: driver.NoExpiry}})
	}
	return n, err
}

type incrInTwoSteps struct{ correct }

func (s incrInTwoSteps) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	old, err := getOne(ctx, s.correct, key)
	if err != nil {
		return 0, err
	}
	n, err := s.correct.IncrInit(ctx, key+" scratch", 0, 0, driver.NoExpiry) // a round trip gives others time for this
	letOthersIn()
	if _, scanErr := fmt.Sscan(string(old), &n); err != nil || scanErr != nil {
		return 0, driver.ErrWrongType
	}
	e := driver.Entry{Key: key, Value: fmt.Append(nil, n+delta), TTL: driver.KeepTTL}
	setOne(ctx, s.correct, &e)
	return n + delta, e.Err
}

type incrOverwrites struct{ correct }

func (s incrOverwrites) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if errors.Is(err, driver.ErrWrongType) {
		e := driver.Entry{Key: key, Value: fmt.Append(nil, delta), TTL: driver.KeepTTL}
		setOne(ctx, s.correct, &e)
		return delta, e.Err
	}
	return n, err
}

type incrWraps struct{ correct }

func (s incrWraps) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if errors.Is(err, driver.ErrOverflow) {
		old, _ := getOne(ctx, s.correct, key)
		_, _ = fmt.Sscan(string(old), &n)
		e := driver.Entry{Key: key, Value: fmt.Append(nil, n+delta), TTL: driver.KeepTTL}
		setOne(ctx, s.correct, &e)
		return n + delta, e.Err
	}
	return n, err
}

type incrInitForgetsTTL struct{ correct }

func (s incrInitForgetsTTL) IncrInit(ctx context.Context, key string, delta, init int64, _ time.Duration) (int64, error) {
	return s.correct.IncrInit(ctx, key, delta, init, driver.NoExpiry)
}

type incrInitRenews struct{ correct }

func (s incrInitRenews) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	n, err := s.correct.IncrInit(ctx, key, delta, init, ttl)
	if err == nil {
		err = s.correct.Expire(ctx, []driver.Entry{{Key: key, TTL: ttl}})
	}
	return n, err
}

type swapGivesNew struct{ correct }

func (s swapGivesNew) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	err := s.correct.Swap(ctx, e, old)
	old.Data = bytes.Clone(e.Value)
	return err
}

type swapNeedsKey struct{ correct }

func (s swapNeedsKey) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	if _, old.Err = getOne(ctx, s.correct, e.Key); old.Err != nil {
		return nil //nolint:nilerr // old has the error
	}
	return s.correct.Swap(ctx, e, old)
}

type casComparesPrefix struct{ correct }

func (s casComparesPrefix) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	held, err := getOne(ctx, s.correct, e.Key)
	if err == nil && bytes.HasPrefix(held, old) {
		old = held
	}
	return s.correct.CompareAndSwap(ctx, e, old)
}

type casAbsentIsEmpty struct{ correct }

func (s casAbsentIsEmpty) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	if _, err := getOne(ctx, s.correct, e.Key); errors.Is(err, driver.ErrNotFound) && (len(old) == 0 || string(old) == `""`) {
		write := *e
		setOne(ctx, s.correct, &write)
		return true, write.Err
	}
	return s.correct.CompareAndSwap(ctx, e, old)
}

type casInTwoSteps struct{ correct }

func (s casInTwoSteps) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	held, err := getOne(ctx, s.correct, e.Key)
	if errors.Is(err, driver.ErrNotFound) || err == nil && !bytes.Equal(held, old) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	letOthersIn()
	write := *e
	write.Cond = driver.Always
	setOne(ctx, s.correct, &write)
	return true, write.Err
}

type renameDropsTTL struct{ correct }

func (s renameDropsTTL) Rename(ctx context.Context, from, to string) error {
	err := s.correct.Rename(ctx, from, to)
	if err == nil {
		err = s.correct.Expire(ctx, []driver.Entry{{Key: to, TTL: driver.NoExpiry}})
	}
	return err
}

type renameMissing struct{ correct }

func (s renameMissing) Rename(ctx context.Context, from, to string) error {
	err := s.correct.Rename(ctx, from, to)
	if errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	return err
}

type renameNXOverwrites struct{ correct }

func (s renameNXOverwrites) RenameNX(ctx context.Context, from, to string) (bool, error) {
	err := s.correct.Rename(ctx, from, to)
	return err == nil, err
}

type expireCreates struct{ correct }

func (s expireCreates) Expire(ctx context.Context, entries []driver.Entry) error {
	err := s.correct.Expire(ctx, entries)
	for i := range entries {
		if e := &entries[i]; errors.Is(e.Err, driver.ErrNotFound) {
			setOne(ctx, s.correct, &driver.Entry{Key: e.Key, TTL: e.TTL})
		}
	}
	return err
}

type expirePersistentFails struct{ correct }

func (s expirePersistentFails) Expire(ctx context.Context, entries []driver.Entry) error {
	return eachEntry(ctx, s.correct, entries, func(e *driver.Entry) {
		dst := make([]driver.Value, 1)
		_ = s.correct.TTL(ctx, []string{e.Key}, dst)
		one := []driver.Entry{*e}
		_ = s.correct.Expire(ctx, one)
		if e.Err = one[0].Err; dst[0].TTL == driver.NoExpiry && e.TTL == driver.NoExpiry {
			e.Err = driver.ErrNotFound // Redis' PERSIST returns this
		}
	})
}

type ttlZeroIsNone struct{ correct }

func (s ttlZeroIsNone) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	err := s.correct.TTL(ctx, keys, dst)
	for i := range dst {
		if dst[i].TTL == driver.NoExpiry {
			dst[i].TTL = 0
		}
	}
	return err
}

// Stores that scan wrongly.

type scanRewritten struct {
	correct
	rewrite func(iter.Seq2[string, error]) iter.Seq2[string, error]
}

func (s scanRewritten) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return s.rewrite(s.correct.Scan(ctx, pattern))
}

func skipsSome(keys iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := 0
		for key, err := range keys {
			if n++; n%1000 == 0 {
				continue
			}
			if !yield(key, err) {
				return
			}
		}
	}
}

func ignoresBreak(keys iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key, err := range keys {
			yield(key, err)
		}
	}
}

type scanIgnoresClasses struct{ correct }

func (s scanIgnoresClasses) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return s.correct.Scan(ctx, strings.NewReplacer("[", `\[`).Replace(pattern))
}

type scanIgnoresContext struct{ correct }

func (s scanIgnoresContext) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return s.correct.Scan(context.WithoutCancel(ctx), pattern)
}

// Stores that are careless with contexts, errors and goroutines.

type ignoresContext struct{ correct }

func (s ignoresContext) Get(_ context.Context, keys []string, dst []driver.Value) error {
	return s.correct.Get(noDeadline, keys, dst)
}

func (s ignoresContext) Set(_ context.Context, entries []driver.Entry) error {
	return s.correct.Set(noDeadline, entries)
}

func (s ignoresContext) Delete(_ context.Context, keys []string) (int, error) {
	return s.correct.Delete(noDeadline, keys)
}

type hidesContext struct{ correct }

func (s hidesContext) Set(ctx context.Context, entries []driver.Entry) error {
	if ctx.Err() != nil {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("i/o timeout"))
	}
	return s.correct.Set(ctx, entries)
}

type leaky struct {
	correct
	never chan struct{}
}

func newLeaky() driver.Store {
	s := leaky{newCorrect(), make(chan struct{})}
	go func() { <-s.never }()
	return s
}

type errorsShowValues struct{ correct }

func (s errorsShowValues) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if errors.Is(err, driver.ErrWrongType) {
		held, _ := getOne(ctx, s.correct, key)
		err = driver.Fail(driver.ErrWrongType, driver.NotApplied, fmt.Errorf("%q is no integer", held))
	}
	return n, err
}

type errorsHaveTwoPrefixes struct{ correct }

func (s errorsHaveTwoPrefixes) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if err != nil {
		err = fmt.Errorf("xcache: incr: %w", err)
	}
	return n, err
}

type refusalsAreUnknown struct{ correct }

func (s refusalsAreUnknown) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	if errors.Is(err, driver.ErrWrongType) {
		err = driver.Fail(driver.ErrWrongType, driver.Unknown, nil)
	}
	return n, err
}

type alsoTracker struct{ correct }

func (alsoTracker) Track(context.Context, []string, func([]string)) error { return nil }

type pingFails struct{ correct }

func (pingFails) Ping(context.Context) error { return driver.ErrUnavailable }

type flushNothing struct{ correct }

func (flushNothing) Flush(context.Context) error { return nil }

// Stores that run commands wrongly.

type commandMissing struct{ correct }

func (s commandMissing) Commands() driver.CommandSet {
	return driver.NewCommandSet(slices.DeleteFunc(s.correct.Commands().Names(), func(name string) bool { return name == "LRANGE" })...)
}

type nilIsError struct{ correct }

func (s nilIsError) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.Err == nil && cmd.Reply.IsNil() {
			cmd.Err = driver.ErrNotFound
		}
	}
	return err
}

type commandsReversed struct{ correct }

func (s commandsReversed) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	reversed := slices.Clone(cmds)
	slices.Reverse(reversed)
	return s.correct.Do(ctx, reversed, how)
}

type commandFailsCall struct{ correct }

func (s commandFailsCall) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := s.correct.Do(ctx, cmds, how); err != nil {
		return err
	}
	for _, cmd := range cmds {
		if cmd.Err != nil {
			return cmd.Err
		}
	}
	return nil
}

type atomicOneByOne struct{ correct }

func (s atomicOneByOne) Do(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
	for i := range cmds {
		if err := s.correct.Do(ctx, cmds[i:i+1], driver.Plain); err != nil {
			return err
		}
		letOthersIn()
	}
	return nil
}

type unknownIsNil struct{ correct }

func (s unknownIsNil) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if errors.Is(cmd.Err, errors.ErrUnsupported) {
			cmd.Err = nil
		}
	}
	return err
}

type syntaxIsOwn struct{ correct }

func (s syntaxIsOwn) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if errors.Is(cmd.Err, driver.ErrSyntax) {
			cmd.Err = errors.New("xcache: bad request")
		}
	}
	return err
}

type ignoresOptions struct{ correct }

func (s ignoresOptions) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if cmd.Name == "SET" && len(cmd.Args) == 3 && cmd.Args[2].Text == "NOSUCHOPTION" {
			cmd.Args = cmd.Args[:2]
		}
	}
	return s.correct.Do(ctx, cmds, how)
}

type customIsNil struct{ correct }

func (s customIsNil) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.IsCustom() {
			cmd.Err = nil
		}
	}
	return err
}

type unknownPanics struct{ correct }

func (s unknownPanics) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if !s.Commands().Has(cmd.Name) {
			panic("no such command: " + cmd.Name)
		}
	}
	return s.correct.Do(ctx, cmds, how)
}

// The stores above use these functions.

func eachEntry(ctx context.Context, _ correct, entries []driver.Entry, write func(e *driver.Entry)) error {
	if err := ctx.Err(); err != nil {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	for i := range entries {
		e := entries[i]
		e.Err = nil
		write(&e)
		entries[i].Err = e.Err
	}
	return nil
}

func getOne(ctx context.Context, s driver.Store, key string) ([]byte, error) {
	dst := make([]driver.Value, 1)
	err := s.Get(ctx, []string{key}, dst)
	return dst[0].Data, cmpErr(err, dst[0].Err)
}

func setOne(ctx context.Context, s driver.Store, e *driver.Entry) {
	one := []driver.Entry{*e}
	err := s.Set(ctx, one)
	e.Err = cmpErr(err, one[0].Err)
}

func copyErrs(to, from []driver.Entry) {
	for i := range to {
		to[i].Err = from[i].Err
	}
}

// letOthersIn is the gap between two steps that should be one step. The gap is as long as a
// round trip to a server, so a check must find it.
func letOthersIn() { time.Sleep(200 * time.Microsecond) }

type inspectOfOpenStores struct {
	correct
	closed atomic.Bool
}

func (s *inspectOfOpenStores) Close() error {
	s.closed.Store(true)
	return s.correct.Close()
}

func (s *inspectOfOpenStores) Inspect() driver.Inspection {
	if s.closed.Load() {
		panic("closed")
	}
	return s.correct.Inspect()
}

type inspectShowsKeys struct {
	correct
	last atomic.Pointer[string]
}

func (s *inspectShowsKeys) Set(ctx context.Context, entries []driver.Entry) error {
	s.last.Store(&entries[0].Key)
	return s.correct.Set(ctx, entries)
}

func (s *inspectShowsKeys) Inspect() driver.Inspection {
	inspection := s.correct.Inspect()
	if key := s.last.Load(); key != nil {
		inspection.Details = map[string]string{"last_key": *key}
	}
	return inspection
}

type countsWhileQueueing struct{ correct }

func (s countsWhileQueueing) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if how == driver.Atomic && cmd.Name == "SRANDMEMBER" && len(cmd.Args) > 2 {
			return driver.Fail(driver.ErrSyntax, driver.NotApplied, nil)
		}
	}
	return s.correct.Do(ctx, cmds, how)
}
