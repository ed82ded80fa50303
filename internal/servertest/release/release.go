// Package release knows the server programs that the tests run: where they are
// found on this machine and which Debian packages hold them.
//
// A server is looked for in the cache folder first, which "make servers" fills,
// so that everybody tests against the same builds, and then on PATH.
package release

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// DirEnv is the environment variable that moves the cache folder.
const DirEnv = "XCACHE_SERVERS"

// ErrNotFound says that a server is neither in the cache folder nor on PATH.
var ErrNotFound = errors.New("server program not found")

// Release is one server program and where it comes from. To add one, add a
// variable and list it in All.
type Release struct {
	// Name is the name of its folder in the cache folder.
	Name string
	// Packages are the Debian packages that are unpacked into that folder: the
	// one with the program, and the libraries that a plain Debian system lacks.
	Packages []string
	// Program is the path of the program inside the unpacked packages.
	Program string
	// Arg0 is the name to run the program under, which is also the name that
	// it is looked for on PATH.
	Arg0 string
}

// Redis is the Redis that Debian ships. One program serves as server, as
// sentinel and as file checker; the name it is run under decides which. The
// package with the checker is the one that installs no service.
var Redis = Release{
	Name:     "redis",
	Packages: []string{"redis-tools", "libjemalloc2", "liblzf1"},
	Program:  "usr/bin/redis-check-rdb",
	Arg0:     "redis-server",
}

// All lists every release that Fetch is run for by "make servers".
var All = []Release{Redis}

// CacheDir returns the cache folder: the value of DirEnv or, when that is
// empty, xcache/servers in the user's cache folder.
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
	if _, err := os.Stat(filepath.Join(root, r.Program)); err == nil {
		return r.commandIn(root, args...), nil
	}
	path, err := exec.LookPath(r.Arg0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w in %s or on PATH", r.Arg0, ErrNotFound, root)
	}
	return exec.Command(path, args...), nil
}

// commandIn returns a command that runs the program unpacked below root. The
// libraries beside it are shown to this child alone.
func (r Release) commandIn(root string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(root, r.Program), args...)
	cmd.Args[0] = r.Arg0
	// One folder, named after the machine: usr/lib/x86_64-linux-gnu.
	libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
	if inherited := os.Getenv("LD_LIBRARY_PATH"); inherited != "" {
		libraries = append(libraries, inherited)
	}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	return cmd
}
