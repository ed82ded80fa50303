package release_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
		require.Equal(t, test.want, got.Name, "Find(%q) with %+v", test.name, test)
		require.Equal(t, test.want != "", err == nil, "Find(%q) with %+v", test.name, test)
		require.False(t, err != nil && !strings.Contains(err.Error(), "valkey-8.1"), "Find(%q): error %q does not list the releases", test.name, err)
	}
}

func TestCommandLooksInTheCacheFirst(t *testing.T) {
	cache, path := t.TempDir(), t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("PATH", path)

	_, err := release.Redis70.Command()
	require.ErrorIs(t, err, release.ErrNotFound, "nothing there")

	onPath := filepath.Join(path, "redis-server")
	writeProgram(t, onPath, "on PATH")
	requireCommand(t, onPath, "on PATH")
	_, err = release.Redis80.Command()
	require.ErrorIs(t, err, release.ErrNotFound, "on PATH is no substitute for %s", release.Redis80.Name)

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
	require.NoError(t, os.MkdirAll(libraries, 0o755))
	loader := filepath.Join(more, "ld-linux-x86-64.so.2")
	writeProgram(t, loader, "")
	cmd, err := release.Redis70.Command("--version")
	require.NoError(t, err)
	want := []string{loader, "--library-path", libraries + ":" + more, program, "--version"}
	require.Equal(t, want, cmd.Args, "command")
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
		require.Equal(t, test.found, version == test.version && err == nil, "Fetch of %s = %q", test.release.Name, version)
	}
}

func TestFetchWithoutPackageTools(t *testing.T) {
	path := t.TempDir()
	t.Setenv(release.DirEnv, t.TempDir())
	t.Setenv("PATH", path)
	_, err := release.Redis70.Fetch(t.Context())
	require.ErrorIs(t, err, release.ErrNotFound, "no server on PATH")
	writeProgram(t, filepath.Join(path, "redis-server"), "v=path")
	version, err := release.Redis70.Fetch(t.Context())
	require.Equal(t, "v=path", version, "server on PATH: Fetch")
	require.NoError(t, err, "server on PATH: Fetch")
	version, err = release.Redis80.Fetch(t.Context())
	require.Error(t, err, "Fetch of %s = %q, want an error", release.Redis80.Name, version)
}

// writeProgram writes a program that prints a line.
func writeProgram(t *testing.T, file, line string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\necho '"+line+"'\n"), 0o755))
}

// requireCommand checks which program is found, by its path and by running it.
func requireCommand(t *testing.T, path, prints string) {
	t.Helper()
	cmd, err := release.Redis70.Command("--version")
	require.NoError(t, err)
	require.Equal(t, path, cmd.Path, "found")
	output, err := cmd.Output()
	require.Equal(t, prints+"\n", string(output), "prints %q, %v, want %q", output, err, prints)
	require.NoError(t, err, "prints %q, %v, want %q", output, err, prints)
}
