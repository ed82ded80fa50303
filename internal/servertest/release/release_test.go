package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

func TestCommandLooksInTheCacheFirst(t *testing.T) {
	cache, path := t.TempDir(), t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("PATH", path)

	if _, err := release.Redis.Command(); !errors.Is(err, release.ErrNotFound) {
		t.Fatalf("nothing there: error %v, want ErrNotFound", err)
	}

	onPath := filepath.Join(path, "redis-server")
	writeProgram(t, onPath, "on PATH")
	requireCommand(t, onPath, "on PATH")

	writeProgram(t, filepath.Join(cache, "redis", release.Redis.Program), "in the cache")
	requireCommand(t, filepath.Join(cache, "redis", release.Redis.Program), "in the cache")
}

func TestCommandShowsLibrariesToTheServer(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("LD_LIBRARY_PATH", "/inherited")
	root := filepath.Join(cache, "redis")
	writeProgram(t, filepath.Join(root, release.Redis.Program), "")
	libraries := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	if err := os.MkdirAll(libraries, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, err := release.Redis.Command()
	if err != nil {
		t.Fatal(err)
	}
	if want := "LD_LIBRARY_PATH=" + libraries + ":/inherited"; !slices.Contains(cmd.Environ(), want) {
		t.Errorf("environment lacks %s", want)
	}
	if cmd.Args[0] != "redis-server" {
		t.Errorf("runs under the name %q, want redis-server", cmd.Args[0])
	}
}

func TestFetchDownloadsNothingWhenTheServerIsThere(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(release.DirEnv, cache)
	t.Setenv("PATH", "") // no apt-get
	writeProgram(t, filepath.Join(cache, "redis", release.Redis.Program), "v=cached")
	if version, err := release.Redis.Fetch(t.Context()); version != "v=cached" || err != nil {
		t.Errorf("Fetch = %q, %v, want v=cached", version, err)
	}
}

func TestFetchWithoutPackageTools(t *testing.T) {
	path := t.TempDir()
	t.Setenv(release.DirEnv, t.TempDir())
	t.Setenv("PATH", path)
	if _, err := release.Redis.Fetch(t.Context()); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("no server on PATH: error %v, want ErrNotFound", err)
	}
	writeProgram(t, filepath.Join(path, "redis-server"), "v=path")
	if version, err := release.Redis.Fetch(t.Context()); version != "v=path" || err != nil {
		t.Errorf("server on PATH: Fetch = %q, %v, want v=path", version, err)
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
	cmd, err := release.Redis.Command("--version")
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
