package memory

// MatchGlob is the matcher behind Scan.
var MatchGlob = matchGlob
