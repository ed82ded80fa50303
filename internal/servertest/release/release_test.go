package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name          string
		redis, valkey string // the environment
		want          string // empty: an error
	}{
		{name: "redis", want: "redis-7.0"},
		{name: "valkey", want: "valkey-8.0"},
		{name: "redis-6.0", want: "redis-6.0"},
		{name: "redis", redis: "redis-8.0", want: "redis-8.0"},
		{name: "valkey", redis: "redis-8.0", want: "valkey-8.0"},
		{name: "valkey", valkey: "valkey-9", want: "valkey-9"},
		{name: "redis-6.0", redis: "redis-8.0", want: "redis-6.0"},
		{name: "redis", redis: "redis"},
		{name: "redis-1.0"},
		{name: ""},
	} {
		t.Setenv(release.RedisEnv, test.redis)
		t.Setenv(release.ValkeyEnv, test.valkey)
		got, err := release.Find(test.name)
		if got.Name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Find(%q) with %+v = %q, %v", test.name, test, got.Name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "valkey-8.1") {
			t.Errorf("Find(%q): error %q does not list the releases", test.name, err)
		}
	}
}

func TestCommandLooksInTheCacheFirst(t *testing.T) {
	cache, path := t.TempDir(), t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("PATH", path)

	if _, err := release.Redis70.Command(); !errors.Is(err, release.ErrNotFound) {
		t.Fatalf("nothing there: error %v, want ErrNotFound", err)
	}

	onPath := filepath.Join(path, "redis-server")
	writeProgram(t, onPath, "on PATH")
	requireCommand(t, onPath, "on PATH")
	if _, err := release.Redis80.Command(); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("on PATH is no substitute for %s: error %v, want ErrNotFound", release.Redis80.Name, err)
	}

	cached := filepath.Join(cache, "redis-7.0/usr/bin/redis-server")
	writeProgram(t, cached, "in the cache")
	requireCommand(t, cached, "in the cache")
}

func TestCommandUsesTheLoaderBesideTheServer(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(release.DirEnv, cache)
	root := filepath.Join(cache, "redis-7.0")
	program := filepath.Join(root, "usr/bin/redis-server")
	writeProgram(t, program, "")
	libraries, more := filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu")
	if err := os.MkdirAll(libraries, 0o755); err != nil {
		t.Fatal(err)
	}
	loader := filepath.Join(more, "ld-linux-x86-64.so.2")
	writeProgram(t, loader, "")
	cmd, err := release.Redis70.Command("--version")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{loader, "--library-path", libraries + ":" + more, program, "--version"}
	if !slices.Equal(cmd.Args, want) {
		t.Errorf("command %q, want %q", cmd.Args, want)
	}
}

func TestFetchDownloadsNothingWhenTheServerIsThere(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("PATH", "") // no apt-get
	for _, test := range []struct {
		release release.Release
		version string // what the program in the cache says
		found   bool
	}{
		{release.Redis70, "Redis server v=7.0.99", true},
		{release.Valkey9, "Valkey server v=9.8.7", true},
		{release.Redis80, "Redis server v=8.2.1", false},
	} {
		writeProgram(t, filepath.Join(cache, test.release.Name, "usr/bin", test.release.Product+"-server"), test.version)
		version, err := test.release.Fetch(t.Context())
		if (version == test.version && err == nil) != test.found {
			t.Errorf("Fetch of %s = %q, %v, want it found: %v", test.release.Name, version, err, test.found)
		}
	}
}

func TestFetchWithoutPackageTools(t *testing.T) {
	path := t.TempDir()
	t.Setenv(release.DirEnv, t.TempDir())
	t.Setenv("PATH", path)
	if _, err := release.Redis70.Fetch(t.Context()); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("no server on PATH: error %v, want ErrNotFound", err)
	}
	writeProgram(t, filepath.Join(path, "redis-server"), "v=path")
	if version, err := release.Redis70.Fetch(t.Context()); version != "v=path" || err != nil {
		t.Errorf("server on PATH: Fetch = %q, %v, want v=path", version, err)
	}
	if version, err := release.Redis80.Fetch(t.Context()); err == nil {
		t.Errorf("Fetch of %s = %q, want an error", release.Redis80.Name, version)
	}
}

// writeProgram writes a program that prints a line.
func writeProgram(t *testing.T, file, line string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho '"+line+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// requireCommand checks which program is found, by its path and by running it.
func requireCommand(t *testing.T, path, prints string) {
	t.Helper()
	cmd, err := release.Redis70.Command("--version")
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Path != path {
		t.Errorf("found %s, want %s", cmd.Path, path)
	}
	if output, err := cmd.Output(); string(output) != prints+"\n" || err != nil {
		t.Errorf("prints %q, %v, want %q", output, err, prints)
	}
}
