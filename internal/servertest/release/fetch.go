package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Fetch unpacks the release into the cache folder and returns the line that the
// server prints about its version. If the release is there already, nothing is
// downloaded. If Debian's packages cannot be downloaded, a server on PATH is
// enough for a default release.
//
// Nothing is installed and no file of the system is changed, so Fetch needs no
// privileges. Several processes may fetch at the same time.
func (r Release) Fetch(ctx context.Context) (version string, err error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, r.Name)
	if version, err := r.versionIn(root); err == nil {
		return version, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, r.Name+".part-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	unpacked := filepath.Join(work, "root")
	if err := r.unpack(ctx, work, unpacked); err != nil {
		return r.onPath(err)
	}
	// The packages are only worth keeping if the program in them starts here.
	if version, err = r.versionIn(unpacked); err != nil {
		return "", err
	}
	if os.Rename(unpacked, root) == nil {
		return version, nil
	}
	// A folder is in the way: the folder of another process that was faster, or a
	// broken folder.
	if version, err := r.versionIn(root); err == nil {
		return version, nil
	}
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	return version, os.Rename(unpacked, root)
}

// unpack downloads the packages into work and unpacks them all into root.
func (r Release) unpack(ctx context.Context, work, root string) error {
	if err := unpackAll(ctx, work, root, r.Suites, r.Packages); err != nil {
		return err
	}
	return os.Symlink(r.checker(), r.program(root))
}

// versionIn returns the line about the version that the server below root
// prints. Another version than the release's is an error.
func (r Release) versionIn(root string) (string, error) {
	line, err := versionLine(r.commandIn(root, "--version"))
	if err == nil && !strings.Contains(line, "v="+r.Version+".") {
		return "", fmt.Errorf("%s is expected from Debian's %s, which has: %s", r.Name, strings.Join(r.Suites, " and "), line)
	}
	return line, err
}

// onPath returns the version of a server on PATH that can stand in for the
// release. The reason is the error of the download.
func (r Release) onPath(reason error) (string, error) {
	if !r.Default {
		return "", reason
	}
	path, err := exec.LookPath(r.server())
	if err != nil {
		return "", fmt.Errorf("%w (no %s on PATH either), and downloading it failed: %w", ErrNotFound, r.server(), reason)
	}
	return versionLine(exec.Command(path, "--version"))
}

func versionLine(cmd *exec.Cmd) (string, error) {
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s does not start here: %w\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return strings.TrimSpace(string(output)), nil
}

// run runs a program in the folder dir; the program's output is part of the
// error.
func run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return nil
}
