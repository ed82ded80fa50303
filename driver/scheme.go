package driver

import (
	"slices"
	"strings"
)

// NearestScheme returns the scheme that a user probably meant by an unknown scheme. The result is
// a scheme of this library, the name of one of drivers, or "" if no scheme is near. The result
// has no part of the unknown scheme that is not a known name.
func NearestScheme(scheme string, drivers ...string) string {
	words := strings.FieldsFunc(strings.ToLower(scheme), func(r rune) bool { return r < 'a' || r > 'z' })
	var base, topology string
	tls := false
	for _, word := range words {
		name, ending := withoutTopology(word)
		switch {
		case word == "tls", word == "ssl", word == "s", word == "secure":
			tls = true
		case ending != "" && topology == "":
			topology = ending
		}
		if name != "" && base == "" {
			base = nearestName(name, append([]string{"memory", "null", "redis", "rediss", "valkey", "valkeys"}, drivers...))
		}
	}
	if base == "" && topology != "" && len(words) == 1 {
		base = "redis" // unix:// and sentinel:// of other libraries
	}
	switch base {
	case "":
		return ""
	case "redis", "valkey":
		if tls && topology != "unix" {
			base += "s"
		}
	case "rediss", "valkeys":
		if topology == "unix" {
			base = strings.TrimSuffix(base, "s")
		}
	default:
		topology = ""
	}
	if topology != "" {
		base += "+" + topology
	}
	if base == scheme {
		return ""
	}
	return base
}

// withoutTopology cuts the word for a topology from the end of a word. topology is the topology
// in its usual spelling, or "".
func withoutTopology(word string) (rest, topology string) {
	for _, spelled := range [][2]string{{"clusters", "cluster"}, {"cluster", "cluster"}, {"sentinels", "sentinel"}, {"sentinel", "sentinel"}, {"unix", "unix"}, {"socket", "unix"}} {
		if rest, ok := strings.CutSuffix(word, spelled[0]); ok {
			return rest, spelled[1]
		}
	}
	for _, topology := range []string{"cluster", "sentinel"} {
		if editDistance(word, topology) <= 2 {
			return "", topology
		}
	}
	return word, ""
}

// nearestName returns the name with the fewest edits to word, or "" if no name is near enough.
func nearestName(word string, names []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1
	for _, name := range slices.Sorted(slices.Values(names)) {
		if n := editDistance(word, name); n < bestDistance {
			best, bestDistance = name, n
		}
	}
	return best
}
