package arguments

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// command returns a command of words. A word behind @ is a key.
func command(words ...string) List {
	args := make([]driver.Arg, len(words))
	for i, word := range words {
		if args[i] = driver.Literal(word); word != "" && word[0] == '@' {
			args[i] = driver.Key(word[1:])
		}
	}
	return list("CMD", args...)
}

// Texts of errors.
const (
	badOption   = "an option that it does not have, or that does not go with the others"
	integer1    = "argument 1 is not an integer or out of range"
	integer2    = "argument 2 is not an integer or out of range"
	integer3    = "argument 3 is not an integer or out of range"
	integer4    = "argument 4 is not an integer or out of range"
	integer5    = "argument 5 is not an integer or out of range"
	noKeys      = "the number of keys must be greater than 0"
	fewerKeys   = "there are fewer keys than argument 1 says"
	badFields   = "the number of fields must be greater than 0 and that of the arguments behind it"
	noFields2   = "argument 2 must be FIELDS, with a number and fields behind it"
	noFields3   = "argument 3 must be FIELDS, with a number and fields behind it"
	badTime     = "invalid expire time"
	id2         = "argument 2 is not the ID of an entry"
	id3         = "argument 3 is not the ID of an entry"
	id4         = "argument 4 is not the ID of an entry"
	id5         = "argument 5 is not the ID of an entry"
	tooLarge    = "9223372036854775808"
	leastNumber = "-9223372036854775808"
)

// Readers refuse hostile and contradicting arguments. The error names the mistake, and shows no
// argument.
func TestReadersRefuse(t *testing.T) {
	type refused map[string][][]string // commands, by the text of their error
	for name, reader := range map[string]struct {
		read    func(List) (any, error)
		refused refused
	}{
		"Keys": {func(l List) (any, error) { return l.Keys(0, l.Count()) }, refused{
			"argument 2 must be a key": {{"@k", "canary"}},
		}},
		"CountedKeys": {func(l List) (any, error) { k, _, err := l.CountedKeys(0); return k, err }, refused{
			noKeys:                     {{"0", "@k"}, {"-1", "@k"}, {leastNumber, "@k"}},
			fewerKeys:                  {{"2", "@k"}, {"1"}, {"9223372036854775807", "@k"}},
			integer1:                   {{"canary", "@k"}, {tooLarge, "@k"}, {"", "@k"}, {"1.0", "@k"}},
			"argument 2 must be a key": {{"1", "canary"}},
		}},
		"Scan": {func(l List) (any, error) { return l.Scan(false) }, refused{
			"argument 2 is not a cursor": {{"@k", "canary"}, {"@k", "-1"}, {"@k", ""}, {"@k", "18446744073709551616"}},
			badOption:                    {{"@k", "0", "NOVALUES"}, {"@k", "0", "MATCH"}, {"@k", "0", "COUNT"}, {"@k", "0", "COUNT", "0"}, {"@k", "0", "COUNT", leastNumber}, {"@k", "0", "canary"}},
			integer4:                     {{"@k", "0", "COUNT", "canary"}, {"@k", "0", "COUNT", tooLarge}},
		}},
		"End":          {func(l List) (any, error) { return l.End(0) }, refused{badOption: {{"canary"}, {""}, {"LEF"}}}},
		"InsertBefore": {func(l List) (any, error) { return l.InsertBefore() }, refused{badOption: {{"@k", "canary", "p", "e"}}}},
		"RemoveCount": {func(l List) (any, error) { return l.RemoveCount() }, refused{
			"argument 2 is out of range": {{"@k", leastNumber, "e"}}, integer2: {{"@k", "canary", "e"}},
		}},
		"Range": {func(l List) (any, error) { _, stop, err := l.Range(); return stop, err }, refused{
			integer2: {{"@k", "canary", "1"}, {"@k", tooLarge, "1"}}, integer3: {{"@k", "1", "canary"}, {"@k", "1", "+1"}},
		}},
		"PosOptions": {func(l List) (any, error) { return l.PosOptions() }, refused{
			"RANK must not be 0, nor the least integer": {{"@k", "e", "RANK", "0"}, {"@k", "e", "RANK", leastNumber}},
			"COUNT and MAXLEN must not be negative":     {{"@k", "e", "COUNT", "-1"}, {"@k", "e", "MAXLEN", leastNumber}},
			badOption:                                   {{"@k", "e", "RANK"}, {"@k", "e", "canary", "1"}},
			integer4:                                    {{"@k", "e", "RANK", "canary"}},
		}},
		"MultiPop": {func(l List) (any, error) { return l.MultiPop(0) }, refused{
			noKeys:                             {{"0", "LEFT"}},
			badOption:                          {{"1", "@k"}, {"1", "@k", "canary"}, {"1", "@k", "LEFT", "COUNT"}, {"1", "@k", "LEFT", "canary", "1"}, {"1", "@k", "LEFT", "COUNT", "1", "1"}},
			"the count must be greater than 0": {{"1", "@k", "LEFT", "COUNT", "0"}, {"1", "@k", "RIGHT", "COUNT", leastNumber}},
			integer5:                           {{"1", "@k", "LEFT", "COUNT", "canary"}},
		}},
		"WaitingKeys": {func(l List) (any, error) { _, timeout, err := l.WaitingKeys(); return timeout, err }, refused{
			"argument 2 is not a number of seconds":                    {{"@k", "canary"}, {"@k", "nan"}, {"@k", ""}},
			"argument 2, a time-out, is negative; 0 waits without end": {{"@k", "-1"}, {"@k", "-inf"}},
			"argument 2, a time-out, is out of range":                  {{"@k", "9223372037"}, {"@k", "inf"}, {"@k", "1e300"}},
			"argument 1 must be a key":                                 {{"canary", "1"}},
		}},
		"FieldExpiry": {func(l List) (any, error) { return l.FieldExpiry(time.Second, false) }, refused{
			badTime:   {{"@k", "-1", "FIELDS", "1", "f"}, {"@k", "9223372036854775807", "FIELDS", "1", "f"}},
			integer2:  {{"@k", "canary", "FIELDS", "1", "f"}},
			noFields3: {{"@k", "1", "canary", "1", "f"}, {"@k", "1", "FIELDS"}},
			badFields: {{"@k", "1", "FIELDS", "0"}, {"@k", "1", "FIELDS", "2", "f"}, {"@k", "1", "FIELDS", "1", "f", "g"}, {"@k", "1", "FIELDS", leastNumber, "f"}},
			integer4:  {{"@k", "1", "FIELDS", "canary", "f"}},
		}},
		"FieldGet": {func(l List) (any, error) { return l.FieldGet() }, refused{
			noFields2: {{"@k", "canary", "1", "f"}, {"@k", "FIELDS"}},
			noFields3: {{"@k", "PERSIST", "canary"}},
			integer3:  {{"@k", "PX", "canary", "FIELDS", "1", "f"}},
			badOption: {{"@k", "EXAT"}},
			badTime:   {{"@k", "EX", "9223372036854775807", "FIELDS", "1", "f"}},
		}},
		"FieldSet": {func(l List) (any, error) { return l.FieldSet() }, refused{
			badOption: {{"@k", "FNX", "FXX", "FIELDS", "1", "f", "v"}, {"@k", "KEEPTTL", "EX", "1", "FIELDS", "1", "f", "v"}, {"@k", "canary", "FIELDS", "1", "f", "v"}, {"@k", "PX"}},
			badFields: {{"@k", "FIELDS", "1", "f"}, {"@k", "FIELDS", "2", "f", "v"}},
			noFields2: {{"@k"}},
		}},
		"RandomCount": {func(l List) (any, error) { return l.RandomCount(true) }, refused{
			"the count must not be less than -1048576": {{"@k", "-1048577"}, {"@k", leastNumber}},
			integer2:  {{"@k", "canary"}},
			badOption: {{"@k", "1", "canary"}},
		}},
		"Score": {func(l List) (any, error) { return l.Score(0) }, refused{
			"argument 1 is not a number": {{"canary"}, {"nan"}, {""}, {" 1"}, {"1_0"}, {"1e400"}, {"1e-400"}, {"++1"}, {"0x"}},
		}},
		"AddOptions": {func(l List) (any, error) { return l.AddOptions() }, refused{
			"it takes scores and members in turn":              {{"@k"}, {"@k", "NX"}, {"@k", "1"}, {"@k", "1", "m", "2"}},
			"NX does not go with XX, GT or LT, nor GT with LT": {{"@k", "NX", "XX", "1", "m"}, {"@k", "NX", "GT", "1", "m"}, {"@k", "GT", "LT", "1", "m"}},
			"INCR takes one score and member":                  {{"@k", "INCR", "1", "m", "2", "n"}},
		}},
		"ZRange": {func(l List) (any, error) { return l.ZRange(1, false) }, refused{
			"LIMIT goes with BYSCORE or BYLEX only":                    {{"@k", "0", "1", "LIMIT", "0", "1"}},
			"WITHSCORES does not go with BYLEX":                        {{"@k", "-", "+", "BYLEX", "WITHSCORES"}},
			"argument 2 is neither a score nor a ( and a score":        {{"@k", "canary", "1", "BYSCORE"}, {"@k", "((1", "1", "BYSCORE"}, {"@k", "(", "1", "BYSCORE"}},
			"argument 3 is neither a score nor a ( and a score":        {{"@k", "canary", "nan", "BYSCORE", "REV"}},
			"argument 2 is neither - nor + nor a member behind [ or (": {{"@k", "canary", "+", "BYLEX"}, {"@k", "", "+", "BYLEX"}},
			badOption: {{"@k", "0", "1", "BYSCORE", "BYLEX"}, {"@k", "0", "1", "REV", "REV"}, {"@k", "0", "1", "LIMIT", "0"}, {"@k", "0", "1", "canary"}},
			integer2:  {{"@k", "canary", "1"}},
			integer3:  {{"@k", "0", "canary"}},
			integer5:  {{"@k", "0", "1", "LIMIT", "canary", "1", "BYSCORE"}},
		}},
		"CombineOptions": {func(l List) (any, error) { return l.CombineOptions(0, true, true) }, refused{
			badOption:                    {{"1", "@k", "WITHSCORES"}, {"2", "@k", "@l", "WEIGHTS", "1"}, {"1", "@k", "AGGREGATE"}, {"1", "@k", "AGGREGATE", "canary"}},
			"argument 4 is not a number": {{"1", "@k", "WEIGHTS", "canary"}, {"1", "@k", "WEIGHTS", "nan"}},
			fewerKeys:                    {{"3", "@k", "@l"}},
		}},
		"InterCard": {func(l List) (any, error) { _, limit, err := l.InterCard(); return limit, err }, refused{
			"LIMIT must not be negative": {{"1", "@k", "LIMIT", "-1"}, {"1", "@k", "LIMIT", leastNumber}},
			badOption:                    {{"1", "@k", "LIMIT"}, {"1", "@k", "canary", "1"}},
			integer4:                     {{"1", "@k", "LIMIT", "canary"}},
		}},
		"SortedPop": {func(l List) (any, error) { return l.SortedPop(0) }, refused{
			badOption:                      {{"1", "@k"}, {"1", "@k", "canary"}, {"1", "@k", "MIN", "COUNT"}, {"1", "@k", "MIN", "COUNT", "1", "MAX"}},
			"COUNT must be greater than 0": {{"1", "@k", "MAX", "COUNT", "0"}, {"1", "@k", "MIN", "COUNT", leastNumber}},
		}},
		"RandomMembers": {func(l List) (any, error) { return l.RandomMembers() }, refused{
			"argument 2, the count, is out of range": {{"@k", "-1048577"}, {"@k", leastNumber}},
			integer2:                                 {{"@k", "canary"}},
			badOption:                                {{"@k", "1", "canary"}},
		}},
		"WithScore": {func(l List) (any, error) { return l.WithScore() }, refused{badOption: {{"@k", "m", "canary"}}}},
		"LongDouble": {func(l List) (any, error) { return l.LongDouble(0) }, refused{
			"argument 1 is not a number, or not a finite one": {{"canary"}, {"nan"}, {"inf"}, {""}, {"1_0"}, {"1 "}, {"1e9999"}, {"0b1"}},
		}},
		"StreamRange": {func(l List) (any, error) { return l.StreamRange(false) }, refused{
			id2:       {{"@k", "canary", "+"}, {"@k", "", "+"}, {"@k", "1-", "+"}, {"@k", "-1", "+"}, {"@k", "(-", "+"}, {"@k", "18446744073709551616", "+"}, {"@k", "(18446744073709551615-18446744073709551615", "+"}},
			id3:       {{"@k", "-", "1-1-1"}, {"@k", "-", "(0-0"}},
			badOption: {{"@k", "-", "+", "COUNT"}, {"@k", "-", "+", "canary", "1"}},
			integer5:  {{"@k", "-", "+", "COUNT", "canary"}},
		}},
		"AddEntry": {func(l List) (any, error) { return l.AddEntry() }, refused{
			"it takes an ID, and fields and values in turn": {{"@k"}, {"@k", "*"}, {"@k", "*", "f"}, {"@k", "*", "f", "v", "g"}},
			"the ID of an entry must be greater than 0-0":   {{"@k", "0-0", "f", "v"}, {"@k", "0", "f", "v"}},
			id2:                           {{"@k", "canary", "f", "v"}, {"@k", "-*", "f", "v"}, {"@k", "1-*-*", "f", "v"}},
			badOption:                     {{"@k", "MAXLEN", "1", "MAXLEN", "1", "*", "f", "v"}},
			"MAXLEN must not be negative": {{"@k", "MAXLEN", "-1", "*", "f", "v"}},
			"LIMIT must not be negative, and goes with ~ only": {{"@k", "MAXLEN", "1", "LIMIT", "1", "*", "f", "v"}, {"@k", "MAXLEN", "~", "1", "LIMIT", "-1", "*", "f", "v"}},
		}},
		"TrimStream": {func(l List) (any, error) { return l.TrimStream() }, refused{
			badOption: {{"@k", "canary", "1"}, {"@k", "MAXLEN"}, {"@k", "MAXLEN", "1", "canary"}},
			integer3:  {{"@k", "MAXLEN", "~"}, {"@k", "MAXLEN", tooLarge}},
			id3:       {{"@k", "MINID", "canary"}},
		}},
		"ReadStreams": {func(l List) (any, error) { return l.ReadStreams(true) }, refused{
			"it takes STREAMS, keys, and as many IDs": {{"COUNT", "1"}, {"GROUP", "g", "c", "STREAMS"}, {"GROUP", "g", "c", "STREAMS", "@k"}},
			"it takes GROUP":                       {{"STREAMS", "@k", ">"}},
			badOption:                              {{"GROUP", "g", "STREAMS", "@k", ">"}, {"canary"}, {"COUNT"}},
			"argument 5 must be a key":             {{"GROUP", "g", "c", "STREAMS", "canary", ">"}},
			"argument 6 is not the ID of an entry": {{"GROUP", "g", "c", "STREAMS", "@k", "$"}},
			integer2:                               {{"COUNT", "canary", "STREAMS", "@k", ">"}, {"BLOCK", "canary", "STREAMS", "@k", ">"}},
			"argument 2, a time-out, is negative; 0 waits without end": {{"BLOCK", "-1", "STREAMS", "@k", ">"}},
			"argument 2, a time-out, is out of range":                  {{"BLOCK", "9223372036854775807", "STREAMS", "@k", ">"}},
		}},
		"StreamInfo": {func(l List) (any, error) { return nil, l.StreamInfo() }, refused{
			badOption:                   {{"canary", "@k"}},
			"wrong number of arguments": {{"STREAM", "@k", "g"}, {"CONSUMERS", "@k"}},
			"argument 2 must be a key":  {{"STREAM", "canary"}},
		}},
		"GroupSubcommand": {func(l List) (any, error) { return l.GroupSubcommand() }, refused{
			badOption:                   {{"canary", "@k"}},
			"wrong number of arguments": {{"CREATE", "@k", "g"}, {"DESTROY", "@k", "g", "1"}, {"DELCONSUMER", "@k", "g"}},
			"argument 2 must be a key":  {{"DESTROY", "canary", "g"}},
		}},
		"Group": {func(l List) (any, error) { return l.Group(false) }, refused{
			id4:                              {{"SETID", "@k", "g", "canary"}},
			badOption:                        {{"SETID", "@k", "g", "$", "MKSTREAM"}, {"SETID", "@k", "g", "$", "ENTRIESREAD"}},
			"ENTRIESREAD must be -1 or more": {{"SETID", "@k", "g", "$", "ENTRIESREAD", "-2"}},
		}},
		"Pending": {func(l List) (any, error) { return l.Pending() }, refused{
			badOption: {{"@k", "g", "-"}, {"@k", "g", "-", "+", "1", "c", "d"}},
			id3:       {{"@k", "g", "canary", "+", "1"}},
			id4:       {{"@k", "g", "-", "canary", "1"}},
			integer5:  {{"@k", "g", "-", "+", "canary"}},
			integer4:  {{"@k", "g", "IDLE", "canary", "-", "+", "1"}},
		}},
		"Claim": {func(l List) (any, error) { return l.Claim(1000) }, refused{
			integer4:  {{"@k", "g", "c", "canary", "1-0"}},
			badOption: {{"@k", "g", "c", "0", "1-0", "canary"}, {"@k", "g", "c", "0", "1-0", "IDLE"}},
			"argument 7 is not an integer or out of range": {{"@k", "g", "c", "0", "1-0", "IDLE", "canary"}},
			"argument 7 is not the ID of an entry":         {{"@k", "g", "c", "0", "1-0", "LASTID", "canary"}},
		}},
		"AutoClaim": {func(l List) (any, error) { return l.AutoClaim() }, refused{
			integer4:                       {{"@k", "g", "c", "canary", "0"}},
			id5:                            {{"@k", "g", "c", "0", "canary"}},
			"COUNT must be greater than 0": {{"@k", "g", "c", "0", "0", "COUNT", "0"}},
			badOption:                      {{"@k", "g", "c", "0", "0", "COUNT"}, {"@k", "g", "c", "0", "0", "canary"}},
		}},
	} {
		for want, commands := range reader.refused {
			for _, words := range commands {
				_, err := reader.read(command(words...))
				require.EqualError(t, err, "xcache: bad command syntax: CMD: "+want, "%s of %q", name, words)
			}
		}
	}
}

// Arguments at their limits are read.
func TestReadersAtTheirLimits(t *testing.T) {
	scan, err := command("@k", "18446744073709551615", "MATCH", "", "COUNT", "9223372036854775807", "NOVALUES").Scan(true)
	require.NoError(t, err)
	require.Equal(t, Scan{Cursor: math.MaxUint64, Count: maxScanCount, NoValues: true}, scan)

	_, timeout, err := command("@k", "9223372036").WaitingKeys()
	require.NoError(t, err)
	require.Equal(t, 9223372036*time.Second, timeout)
	_, timeout, err = command("@k", "1e-300").WaitingKeys()
	require.NoError(t, err)
	require.EqualValues(t, 1, timeout, "a time-out that is not 0 must not wait without end")

	random, err := command("@k", "-1048576").RandomCount(false)
	require.NoError(t, err)
	require.EqualValues(t, -maxRandom, random.N)

	pos, err := command("@k", "e", "RANK", "-9223372036854775807", "COUNT", "0").PosOptions()
	require.NoError(t, err)
	require.Equal(t, PosOptions{Rank: -math.MaxInt64, Many: true}, pos)

	entries, err := command("@k", "(0-18446744073709551615", "(1-0", "COUNT", leastNumber).StreamRange(false)
	require.NoError(t, err)
	require.Equal(t, StreamRange{Start: StreamID{Milliseconds: 1}, Stop: StreamID{Sequence: math.MaxUint64}}, entries)

	score, err := command("@k", "(1", "-inf", "BYSCORE", "REV").ZRange(1, false)
	require.NoError(t, err)
	require.Equal(t, ScoreBound{Score: math.Inf(-1)}, score.MinScore)
	require.Equal(t, ScoreBound{Score: 1, Exclusive: true}, score.MaxScore)

	claim, err := command("@k", "g", "c", leastNumber, "1", "2-2", "TIME", "5000", "RETRYCOUNT", "-7").Claim(1000)
	require.NoError(t, err)
	require.Equal(t, Claim{IDs: []StreamID{{Milliseconds: 1}, {2, 2}}, Delivered: 1000, Retries: -1}, claim)
}
