package pickle

import (
	"strconv"
	"strings"
)

// This file finds the names of objects that are not plain data, for errors.

// A naming is the form of the name of a node of kindObject. The result of a call has no
// name, because the call refuses the pickle.
type naming uint32

const (
	_                naming = iota
	namedByLines            // a and b are the offset and the length of module and name, with a newline between them
	namedByStrs             // a and b are the nodes of module and name
	namedAsAttribute        // a is the node of the object with the attribute, and b is the node of the attribute's name
)

// advice has the advice to store something else than objects of some classes.
var advice = map[string]string{
	"decimal.Decimal":       "store its str()",
	"uuid.UUID":             "store its str()",
	"fractions.Fraction":    "store its str()",
	"ipaddress.IPv4Address": "store its str()",
	"ipaddress.IPv6Address": "store its str()",
	"django.utils.functional._lazy_proxy_unpickle":   "a lazy string: store its str()",
	"django.utils.translation._lazy_number_unpickle": "a lazy string: store its str()",
	"django.db.models.query.QuerySet":                "store list(queryset.values())",
	"django.http.request.QueryDict":                  "store its dict() or urlencode()",
}

// notPlain returns the error for a node that is not plain data. field is the field for the
// node, or "".
func (m *machine) notPlain(n node, field string) error {
	name, ok := m.nameOf(n, 0)
	if !ok {
		return notPlain("an object", "", field, "")
	}
	if n.kind == kindObject && naming(n.c) == namedAsAttribute {
		owner, _ := m.nameOf(m.nodes[n.a], 0)
		return notPlain("a member of ", owner, field, "store its value")
	}
	return notPlain("an object of ", name, field, advice[name])
}

// notPlain returns the error for a named object, with the advice. A text that may not be
// the name of a class is not shown.
func notPlain(what, name, field, do string) error {
	for _, c := range []byte(name) {
		if len(name) > 128 || c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			what, name, do = "an object of a class", "", ""
			break
		}
	}
	if field != "" {
		name += " in field " + strconv.Quote(field)
	}
	if do != "" {
		do = "; " + do
	}
	return corrupt("it holds %s%s, which is not plain data%s", what, name, do)
}

// nameOf returns the name of a class, a function or an attribute. ok is false for an object
// without a name.
func (m *machine) nameOf(n node, depth int) (name string, ok bool) {
	if n.kind == kindCallable {
		for _, k := range known {
			if k.callable == callable(n.a) {
				return strings.Replace(k.name, "\n", ".", 1), true
			}
		}
	}
	if n.kind != kindObject {
		return "", false
	}
	switch naming(n.c) {
	case namedByLines:
		return strings.Replace(string(m.slice(n.a, n.b)), "\n", ".", 1), true
	case namedByStrs:
		return string(m.bytes(m.nodes[n.a])) + "." + string(m.bytes(m.nodes[n.b])), true
	case namedAsAttribute:
		const deepest = 8 // depth of nested classes
		if owner, ok := m.nameOf(m.nodes[n.a], depth+1); ok && depth < deepest {
			return owner + "." + string(m.bytes(m.nodes[n.b])), true
		}
	}
	return "", false
}
