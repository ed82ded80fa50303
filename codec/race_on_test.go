//go:build race

package codec_test

// raceEnabled tells that pools drop what they are given now and then.
const raceEnabled = true
