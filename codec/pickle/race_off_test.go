//go:build !race

package pickle_test

const raceEnabled = false
