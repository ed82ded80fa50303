package dialect

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// A Version is a product and its version number.
type Version struct {
	Valkey       bool // false means Redis
	Major, Minor int
}

func redis(major, minor int) Version  { return Version{Major: major, Minor: minor} }
func valkey(major, minor int) Version { return Version{Valkey: true, Major: major, Minor: minor} }

// firstValkey is the first version of Valkey. Its commands are the commands of Redis 7.2.
var firstValkey = valkey(7, 2)

// newest stands for a server of unknown version. The drivers assume that the server has all
// commands: a refusal becomes the caller's error.
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

// ParseVersion parses the version number of a server, such as 7.0.15. product is redis or
// valkey.
func ParseVersion(product, text string) (Version, bool) {
	v := Version{Valkey: product == "valkey"}
	n, _ := fmt.Sscanf(text, "%d.%d", &v.Major, &v.Minor)
	return v, n == 2 && (v.Valkey || product == "redis")
}

// greeted returns the version in a reply to HELLO.
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
