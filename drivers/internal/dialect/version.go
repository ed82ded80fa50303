package dialect

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// A Version is a product and its version.
type Version struct {
	Valkey       bool // else it is Redis
	Major, Minor int
}

func redis(major, minor int) Version  { return Version{Major: major, Minor: minor} }
func valkey(major, minor int) Version { return Version{Valkey: true, Major: major, Minor: minor} }

// firstValkey is the version that Valkey began with: it has what Redis 7.2 had.
var firstValkey = valkey(7, 2)

// newest stands for a server that does not say what it is: it is taken to have
// everything, and what it refuses all the same is the caller's error.
var newest = redis(1<<16, 0)

// String returns the version as in "Redis 6.2".
func (v Version) String() string {
	product := "Redis"
	if v.Valkey {
		product = "Valkey"
	}
	return fmt.Sprintf("%s %d.%d", product, v.Major, v.Minor)
}

// before compares two versions of one product.
func (v Version) before(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// ParseVersion returns the version that a server of a product, redis or valkey,
// gives as its own: 7.0.15.
func ParseVersion(product, text string) (Version, bool) {
	v := Version{Valkey: product == "valkey"}
	n, _ := fmt.Sscanf(text, "%d.%d", &v.Major, &v.Minor)
	return v, n == 2 && (v.Valkey || product == "redis")
}

// greeted returns the version of the server that answered HELLO.
func greeted(reply driver.Reply) Version {
	said := make(map[string]string)
	for i := 0; i+1 < len(reply.Items); i += 2 {
		said[string(reply.Items[i].Data)] = string(reply.Items[i+1].Data)
	}
	if v, ok := ParseVersion(said["server"], said["version"]); ok {
		return v
	}
	return newest
}
