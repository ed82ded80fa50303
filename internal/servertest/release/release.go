// Package release knows the server programs that the tests run: where each
// program is on this machine, and which Debian packages hold the program.
//
// The cache folder comes first, so that everybody tests against the same
// builds; "make servers" and "make servers-matrix" fill the folder. For the
// default releases a server on PATH is enough.
package release

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Names of the environment variables that this package reads.
const (
	// DirEnv moves the cache folder.
	DirEnv = "XCACHE_SERVERS"
	// RedisEnv and ValkeyEnv name the release that stands for the product, such
	// as "redis-8.0", where a test asks for no other.
	RedisEnv  = "XCACHE_REDIS"
	ValkeyEnv = "XCACHE_VALKEY"
)

// ErrNotFound says that a server is not on this machine.
var ErrNotFound = errors.New("server program not found")

// Release is one server program and where the program comes from. To add a release, add a
// variable and list the variable in All.
type Release struct {
	// Name is product and version, and the name of the release's folder in the
	// cache folder.
	Name string
	// Product is redis or valkey: the programs' names begin with the product.
	Product string
	// Version is the beginning of the server's version.
	Version string
	// Suites are the releases of Debian with the packages.
	Suites []string
	// Packages are the Debian packages that are unpacked: the package of the program, and
	// every library that the program loads. The C library and its loader are among them, so
	// that the program runs on any Linux.
	Packages []string
	// Default says that a test uses the release unless the test asks for
	// another, and that a server of any version on PATH can stand in for the
	// release.
	Default bool
}

// The libraries that the servers of every Debian release load.
var libraries = []string{
	"libc6", "libgcc-s1", "libstdc++6", "libatomic1", "libjemalloc2", "liblzf1",
	"libsystemd0", "libcap2", "libzstd1",
}

// The further libraries that the servers of some Debian releases load.
var (
	untilBookworm = []string{"libgcrypt20", "libgpg-error0", "liblz4-1", "liblzma5"} // for libsystemd0
	bullseye      = slices.Concat(libraries, untilBookworm, []string{"libssl1.1", "liblua5.1-0", "lua-cjson", "lua-bitop"})
	bookworm      = slices.Concat(libraries, untilBookworm, []string{"libssl3"})
	trixie        = slices.Concat(libraries, []string{"libssl3t64", "zlib1g"})
)

// The releases. The packages are the tools of the products: a package of
// tools has no service to install, and its file checker is the server under
// another name.
var (
	Redis60  = newRelease("redis", "6.0", bullseye, "bullseye")
	Redis70  = newRelease("redis", "7.0", bookworm, "bookworm").asDefault()
	Redis80  = newRelease("redis", "8.0", trixie, "trixie")
	Redis8   = newRelease("redis", "8", trixie, "sid", "experimental") // moves on with Debian's development
	Valkey80 = newRelease("valkey", "8.0", bookworm, "bookworm", "bookworm-backports").asDefault()
	Valkey81 = newRelease("valkey", "8.1", trixie, "trixie")
	Valkey9  = newRelease("valkey", "9", trixie, "sid") // moves on with Debian's development
)

// All lists every release that there is, the oldest of each product first.
var All = []Release{Redis60, Redis70, Redis80, Redis8, Valkey80, Valkey81, Valkey9}

func newRelease(product, version string, libraries []string, suites ...string) Release {
	return Release{
		Name:     product + "-" + version,
		Product:  product,
		Version:  version,
		Suites:   suites,
		Packages: slices.Concat([]string{product + "-tools"}, libraries),
	}
}

func (r Release) asDefault() Release {
	r.Default = true
	return r
}

// Find returns the release that has the name. The name of a product means the
// release that RedisEnv or ValkeyEnv names, or else the default of the product.
func Find(name string) (Release, error) {
	if env, ok := map[string]string{"redis": RedisEnv, "valkey": ValkeyEnv}[name]; ok {
		if name := os.Getenv(env); name != "" {
			return find(env, func(r Release) bool { return r.Name == name })
		}
		return find(name, func(r Release) bool { return r.Default && r.Product == name })
	}
	return find("release", func(r Release) bool { return r.Name == name })
}

// find returns the release that matches. The error names what.
func find(what string, matches func(Release) bool) (Release, error) {
	if i := slices.IndexFunc(All, matches); i >= 0 {
		return All[i], nil
	}
	var names []string
	for _, r := range All {
		names = append(names, r.Name)
	}
	return Release{}, fmt.Errorf("%s names no known release, those are %s", what, strings.Join(names, ", "))
}

// CacheDir returns the cache folder: the value of DirEnv or, if DirEnv is empty,
// xcache/servers in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder, set %s: %w", DirEnv, err)
	}
	return filepath.Join(dir, "xcache", "servers"), nil
}

// Command returns a command that runs the server with args. The error is
// ErrNotFound when this machine has no such server.
func (r Release) Command(args ...string) (*exec.Cmd, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, r.Name)
	if _, err := os.Stat(r.program(root)); err == nil {
		return r.commandIn(root, args...), nil
	}
	if !r.Default {
		return nil, fmt.Errorf("%s: %w in %s", r.Name, ErrNotFound, root)
	}
	path, err := exec.LookPath(r.server())
	if err != nil {
		return nil, fmt.Errorf("%s: %w in %s, and no %s on PATH", r.Name, ErrNotFound, root, r.server())
	}
	return exec.Command(path, args...), nil
}

// commandIn returns a command that runs the program unpacked below root, with
// the loader and the libraries that were unpacked there.
func (r Release) commandIn(root string, args ...string) *exec.Cmd {
	loader := Loader(root)
	if loader == nil { // a build that was put there by hand needs no loader
		return exec.Command(r.program(root), args...)
	}
	cmd := exec.Command(loader[0], slices.Concat(loader[1:], []string{r.program(root)}, args)...)
	// Some servers load the libraries of their scripts, such as cjson, by name. These
	// servers find the libraries below root, too.
	if modules := glob(root, "lua/5.1"); len(modules) > 0 {
		cmd.Env = append(os.Environ(), "LUA_CPATH="+filepath.Join(modules[0], "?.so"))
	}
	return cmd
}

// glob returns the files of a name in the folders of libraries below root, or
// these folders, which are named after the machine: lib/x86_64-linux-gnu.
func glob(root, name string) []string {
	var files []string
	for _, lib := range []string{"usr/lib", "lib"} {
		found, _ := filepath.Glob(filepath.Join(root, lib, "*-linux-gnu*", name))
		files = append(files, found...)
	}
	return files
}

// One program serves as server, as sentinel and as file checker: the name of
// the command decides which.
func (r Release) server() string  { return r.Product + "-server" }
func (r Release) checker() string { return r.Product + "-check-rdb" }

// program returns the path of the server below root: a link to the checker.
func (r Release) program(root string) string {
	return filepath.Join(root, "usr/bin", r.server())
}
