package pickle

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxZones is the largest number of cached time zones. The database has some 600 names.
const maxZones = 1000

var (
	zones      sync.Map // name → *time.Location
	knownZones atomic.Int32
)

// zoneOf returns the time zone of a name in the database, or nil.
func zoneOf(name string) *time.Location {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location)
	}
	if name == "" || name == "Local" { // the names that package time treats specially
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	if knownZones.Add(1) <= maxZones {
		zones.Store(name, zone)
	}
	return zone
}

// inZone returns the time at which clocks in a zone show wall. For a repeated or skipped
// wall time, fold selects the offset before or after the change, as in Python (PEP 495).
func inZone(wall time.Time, zone *time.Location, fold bool) time.Time {
	const day = 24 * time.Hour // zones do not change more often
	offset := func(at time.Time) time.Duration {
		_, east := at.In(zone).Zone()
		return time.Duration(east) * time.Second
	}
	before, after := offset(wall.Add(-day)), offset(wall.Add(day))
	byBefore, byAfter := wall.Add(-before), wall.Add(-after)
	isBefore, isAfter := offset(byBefore) == before, offset(byAfter) == after
	if isAfter && !isBefore || isBefore == isAfter && fold {
		return byAfter.In(zone)
	}
	return byBefore.In(zone)
}
