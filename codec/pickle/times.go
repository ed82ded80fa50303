package pickle

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// This file handles Python's points in time, and durations.

// inTime pushes the result of a callable for times. ok is the same as for returned.
func (m *machine) inTime(c callable, args []node, indices [4]uint32) (ok bool) {
	takes := func(kinds ...kind) bool {
		return slices.EqualFunc(args, kinds, func(n node, k kind) bool { return n.kind == k })
	}
	switch c {
	case callDatetime:
		zone := uint32(0)
		if len(args) == 2 && args[1].kind == kindTimezone {
			zone, args = indices[1], args[:1]
		}
		return takes(kindBytes) && m.makeMoment(kindDatetime, args[0], zone)
	case callDate:
		return takes(kindBytes) && m.makeMoment(kindDate, args[0], 0)
	case callTime:
		if len(args) == 2 && args[1].kind == kindTimezone {
			m.refuse(corrupt("it holds a datetime.time with a time zone, which Go has no type for"))
			args = args[:1]
		}
		return takes(kindBytes) && m.makeMoment(kindTime, args[0], 0)
	case callTimedelta:
		return takes(kindInt, kindInt, kindInt) && m.makeTimedelta(args)
	case callTimezone:
		if len(args) == 2 && args[1].kind == kindStr { // its name
			args = args[:1]
		}
		return takes(kindTimedelta) && m.makeTimezone(time.Duration(args[0].bits()))
	case callZone:
		if len(args) != 2 || args[1].kind != kindInt && args[1].kind != kindBool { // whether zoneinfo keeps it
			return false
		}
		return args[0].kind == kindStr && m.makeNamedZone(args[0])
	case callPytz:
		// A zone with a fixed offset has its name as argument. Another zone has its offsets
		// from UTC and from standard time, and a name.
		if takes(kindStr) {
			return m.makeNamedZone(args[0])
		}
		return takes(kindStr, kindInt, kindInt, kindStr) && m.makeZone(args[1], time.Second)
	case callPytzUTC:
		return len(args) == 0 && m.makeTimezone(0)
	case callPytzFixed:
		return takes(kindInt) && m.makeZone(args[0], time.Minute)
	}
	return false
}

// makeMoment pushes a datetime, a date or a time. The fields are bytes of state.
func (m *machine) makeMoment(k kind, state node, zone uint32) bool {
	b := m.bytes(state)
	length := map[kind]int{kindDatetime: 10, kindDate: 4, kindTime: 6}[k]
	if len(b) != length {
		return false
	}
	if k != kindTime && !validDate(b) || k != kindDate && !validClock(b[len(b)-6:]) {
		return false
	}
	m.make(node{kind: k, a: state.a, b: zone})
	return true
}

// datePart returns the fields of a date. The bytes are two bytes of the year, the month and
// the day. In a datetime, the highest bit of the month is the fold.
func datePart(b []byte) (year int, month time.Month, day int) {
	return int(binary.BigEndian.Uint16(b)), time.Month(b[2] &^ 0x80), int(b[3])
}

func validDate(b []byte) bool {
	year, month, day := datePart(b)
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day() == day
}

// clockPart returns the time since midnight. The bytes are hour, minute, second and three
// bytes of microseconds. In a time, the highest bit of the hour is the fold.
func clockPart(b []byte) time.Duration {
	return time.Duration(b[0]&^0x80)*time.Hour + time.Duration(b[1])*time.Minute +
		time.Duration(b[2])*time.Second + time.Duration(microseconds(b))*time.Microsecond
}

func microseconds(b []byte) int {
	return int(b[3])<<16 | int(b[4])<<8 | int(b[5])
}

func validClock(b []byte) bool {
	return b[0]&^0x80 < 24 && b[1] < 60 && b[2] < 60 && microseconds(b) < 1e6
}

func (m *machine) makeTimedelta(args []node) bool {
	days, seconds, micros := int64(args[0].bits()), int64(args[1].bits()), int64(args[2].bits())
	if days < -999999999 || days > 999999999 || seconds < 0 || seconds >= 86400 || micros < 0 || micros >= 1e6 {
		return false
	}
	const day = 24 * time.Hour
	var d time.Duration
	if most := int64(math.MaxInt64 / day); days >= -most && days < most {
		d = time.Duration(days)*day + time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond
	} else {
		m.refuse(corrupt("it holds a datetime.timedelta of more than the 292 years of a time.Duration"))
	}
	m.make(bitsNode(kindTimedelta, uint64(d)))
	return true
}

func (m *machine) makeTimezone(east time.Duration) bool {
	if east <= -24*time.Hour || east >= 24*time.Hour {
		return false
	}
	if east%time.Second != 0 {
		m.refuse(corrupt("it holds a datetime.timezone with a fraction of a second, which Go does not have"))
	}
	m.make(node{kind: kindTimezone, a: uint32(int32(east / time.Second))})
	return true
}

// makeZone pushes a time zone with an offset east of UTC, in units.
func (m *machine) makeZone(east node, unit time.Duration) bool {
	n := int64(east.bits())
	return n > -86400 && n < 86400 && m.makeTimezone(time.Duration(n)*unit)
}

// makeNamedZone pushes a time zone of the time zone database.
func (m *machine) makeNamedZone(name node) bool {
	n := node{kind: kindTimezone}
	if m.refused == nil { // a refused pickle needs no further look-ups
		zone := zoneOf(string(m.bytes(name)))
		if zone == nil {
			m.refuse(corrupt("it holds a datetime of a time zone that is not in this program's time zone database; import time/tzdata, or store it in UTC"))
		} else {
			m.zones = append(m.zones, zone)
			n.b = uint32(len(m.zones))
		}
	}
	m.make(n)
	return true
}

// moment returns the time of a datetime or a date. A value without a time zone is in UTC.
func (m *machine) moment(n node) time.Time {
	year, month, day := datePart(m.slice(n.a, 4))
	if n.kind == kindDate {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	clock := clockPart(m.slice(n.a+4, 6))
	wall := func(zone *time.Location) time.Time { return time.Date(year, month, day, 0, 0, 0, int(clock), zone) }
	if n.b == 0 {
		return wall(time.UTC)
	}
	switch zone := m.nodes[n.b]; {
	case zone.b != 0:
		return inZone(wall(time.UTC), m.zones[zone.b-1], m.slice(n.a, 4)[2]&0x80 != 0)
	case zone.a != 0:
		return wall(time.FixedZone("", int(int32(zone.a))))
	}
	return wall(time.UTC)
}
