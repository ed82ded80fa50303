package mixins

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// readStoredID reads the ID of an entry. A nil is ErrNotStored.
func readStoredID(o *xcache.Op) (string, error) {
	if o.Reply().IsNil() {
		return "", xcache.ErrNotStored
	}
	return readText(o)
}

func readEntries[V any](o *xcache.Op) ([]StreamEntry[V], error) {
	return readEntriesOf[V](o, o.Reply())
}

func readEntriesOf[V any](o *xcache.Op, r *driver.Reply) ([]StreamEntry[V], error) {
	stored, err := r.AsStreamEntries()
	if err != nil {
		return nil, err
	}
	return decodeEntries[V](o, "", stored)
}

// decodeEntries reads the fields of entries of the stream with a full key. "" is the key of
// the operation.
func decodeEntries[V any](o *xcache.Op, full string, stored []driver.StreamEntry) ([]StreamEntry[V], error) {
	if len(stored) == 0 {
		return nil, nil
	}
	entries := make([]StreamEntry[V], len(stored))
	for i := range stored {
		fields, err := decodeFields[V](o, full, stored[i].Fields)
		if err != nil {
			return nil, err
		}
		entries[i] = StreamEntry[V]{stored[i].ID, fields}
	}
	return entries, nil
}

func decodeFields[V any](o *xcache.Op, full string, stored []driver.Pair) (map[string]V, error) {
	if stored == nil {
		return nil, nil
	}
	fields := make(map[string]V, len(stored))
	for _, pair := range stored {
		var value V
		var err error
		if full == "" {
			value, err = xcache.ReadValue[V](o, pair.Value)
		} else {
			value, err = xcache.ReadValueOf[V](o, full, pair.Value)
		}
		if err != nil {
			return nil, err
		}
		fields[string(pair.Name)] = value
	}
	return fields, nil
}

// readStreams reads streams with their entries, by their keys.
func readStreams[V any](o *xcache.Op) (map[string][]StreamEntry[V], error) {
	pairs, err := o.Reply().AsPairs()
	if err != nil {
		return nil, err
	}
	streams := make(map[string][]StreamEntry[V], len(pairs))
	for _, pair := range pairs {
		full := string(pair.Name)
		stored, err := pair.Value.AsStreamEntries()
		if err != nil {
			return nil, err
		}
		entries, err := decodeEntries[V](o, full, stored)
		if err != nil {
			return nil, err
		}
		if key, _ := o.UserKey(full); len(entries) > 0 {
			streams[key] = append(streams[key], entries...)
		}
	}
	return streams, nil
}

// unexpected returns the error of a reply with another form than the named one.
func unexpected(what string) error {
	return driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered something else where "+what))
}

func readPendingSummary(o *xcache.Op) (PendingSummary, error) {
	items, err := o.Reply().AsArray()
	if err == nil && len(items) != 4 {
		err = unexpected("a number, two IDs and consumers were expected")
	}
	if err != nil {
		return PendingSummary{}, err
	}
	count, err := items[0].AsInt()
	if err != nil || count == 0 {
		return PendingSummary{}, err
	}
	summary := PendingSummary{Count: int(count), Consumers: make(map[string]int)}
	first, err := items[1].AsBytes()
	if err != nil {
		return PendingSummary{}, err
	}
	last, err := items[2].AsBytes()
	if err != nil {
		return PendingSummary{}, err
	}
	summary.First, summary.Last = string(first), string(last)
	consumers, err := items[3].AsPairs()
	if err != nil {
		return PendingSummary{}, err
	}
	for _, c := range consumers {
		n, err := c.Value.AsInt()
		if err != nil {
			return PendingSummary{}, err
		}
		summary.Consumers[string(c.Name)] = int(n)
	}
	return summary, nil
}

func readPendingEntries(o *xcache.Op) ([]PendingEntry, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (PendingEntry, error) {
		parts, err := item.AsArray()
		if err == nil && len(parts) != 4 {
			err = unexpected("an ID, a consumer and two numbers were expected")
		}
		if err != nil {
			return PendingEntry{}, err
		}
		id, idErr := parts[0].AsBytes()
		consumer, consumerErr := parts[1].AsBytes()
		idle, idleErr := parts[2].AsInt()
		deliveries, err := parts[3].AsInt()
		return PendingEntry{string(id), string(consumer), milliseconds(idle), int(deliveries)}, errors.Join(idErr, consumerErr, idleErr, err)
	})
}

// readClaimed reads the next start, entries, and the IDs of deleted entries. A driver may
// leave out these IDs.
func readClaimed[V any](o *xcache.Op) (Claimed[V], error) {
	next, items, deleted, err := claimedParts(o)
	if err != nil {
		return Claimed[V]{}, err
	}
	entries, err := readEntriesOf[V](o, items)
	return Claimed[V]{next, entries, deleted}, err
}

func readClaimedIDs(o *xcache.Op) (ClaimedIDs, error) {
	next, items, deleted, err := claimedParts(o)
	if err != nil {
		return ClaimedIDs{}, err
	}
	ids, err := readTextsOf(items)
	return ClaimedIDs{next, ids, deleted}, err
}

func claimedParts(o *xcache.Op) (next string, items *driver.Reply, deleted []string, err error) {
	parts, err := o.Reply().AsArray()
	if err == nil && len(parts) != 2 && len(parts) != 3 {
		err = unexpected("an ID and entries were expected")
	}
	if err != nil {
		return "", nil, nil, err
	}
	id, err := parts[0].AsBytes()
	if err == nil && len(parts) == 3 {
		deleted, err = readTextsOf(&parts[2])
	}
	return string(id), &parts[1], deleted, err
}

func readStreamInfo[V any](o *xcache.Op) (StreamInfo[V], error) {
	info := StreamInfo[V]{EntriesAdded: NotKnown}
	err := readNamed(o.Reply(), func(name string, value *driver.Reply) (err error) {
		switch name {
		case "length":
			info.Length, err = intOf(value)
		case "groups":
			info.Groups, err = intOf(value)
		case "last-generated-id":
			info.LastGeneratedID, err = textOf(value)
		case "max-deleted-entry-id":
			info.MaxDeletedID, err = textOf(value)
		case "entries-added":
			info.EntriesAdded, err = intOf(value)
		case "first-entry":
			info.First, err = readEntryOf[V](o, value)
		case "last-entry":
			info.Last, err = readEntryOf[V](o, value)
		}
		return err
	})
	return info, err
}

// readEntryOf reads one entry, or nil.
func readEntryOf[V any](o *xcache.Op, r *driver.Reply) (*StreamEntry[V], error) {
	list := driver.ArrayReply(*r)
	entries, err := readEntriesOf[V](o, &list)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return &entries[0], nil
}

func readStreamGroups(o *xcache.Op) ([]StreamGroup, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (StreamGroup, error) {
		group := StreamGroup{EntriesRead: NotKnown, Lag: NotKnown}
		err := readNamed(item, func(name string, value *driver.Reply) (err error) {
			switch name {
			case "name":
				group.Name, err = textOf(value)
			case "consumers":
				group.Consumers, err = intOf(value)
			case "pending":
				group.Pending, err = intOf(value)
			case "last-delivered-id":
				group.LastDeliveredID, err = textOf(value)
			case "entries-read":
				group.EntriesRead, err = intOf(value)
			case "lag":
				group.Lag, err = intOf(value)
			}
			return err
		})
		return group, err
	})
}

func readStreamConsumers(o *xcache.Op) ([]StreamConsumer, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (StreamConsumer, error) {
		consumer := StreamConsumer{Inactive: NotKnown}
		err := readNamed(item, func(name string, value *driver.Reply) (err error) {
			var n int
			switch name {
			case "name":
				consumer.Name, err = textOf(value)
			case "pending":
				consumer.Pending, err = intOf(value)
			case "idle":
				n, err = intOf(value)
				consumer.Idle = milliseconds(int64(n))
			case "inactive":
				if n, err = intOf(value); n >= 0 {
					consumer.Inactive = milliseconds(int64(n))
				}
			}
			return err
		})
		return consumer, err
	})
}

// readNamed reads a list of names and values. Servers may answer with names that set
// ignores.
func readNamed(r *driver.Reply, set func(name string, value *driver.Reply) error) error {
	pairs, err := r.AsPairs()
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if err := set(string(pair.Name), pair.Value); err != nil {
			return err
		}
	}
	return nil
}

// intOf reads a number. A nil is NotKnown.
func intOf(r *driver.Reply) (int, error) {
	if r.IsNil() {
		return NotKnown, nil
	}
	n, err := r.AsInt()
	return int(n), err
}

func textOf(r *driver.Reply) (string, error) {
	text, err := r.AsBytes()
	return string(text), err
}

// milliseconds returns n milliseconds, at most the longest Duration.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, int64(xcache.NoExpiry/time.Millisecond))) * time.Millisecond
}
