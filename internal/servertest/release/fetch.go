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
// server prints about its version. When it is there already, nothing is
// downloaded. Where Debian's package tools are missing, a server on PATH will do.
//
// Nothing is installed and no file of the system is changed, so Fetch needs no
// privileges. Several processes may fetch at the same time.
func (r Release) Fetch(ctx context.Context) (version string, err error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, r.Name)
	if version, err := r.version(r.commandIn(root, "--version")); err == nil {
		return version, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		cmd, err := r.Command("--version")
		if err != nil {
			return "", fmt.Errorf("%w, and this machine has no apt-get to download it with: install it", err)
		}
		return r.version(cmd)
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
		return "", err
	}
	// The packages are only worth keeping if the program in them starts here.
	if version, err = r.version(r.commandIn(unpacked, "--version")); err != nil {
		return "", err
	}
	if os.Rename(unpacked, root) == nil {
		return version, nil
	}
	// A folder is there: of another process that was faster, or a broken one.
	if version, err := r.version(r.commandIn(root, "--version")); err == nil {
		return version, nil
	}
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	return version, os.Rename(unpacked, root)
}

// unpack downloads the packages into work and unpacks them all into root.
func (r Release) unpack(ctx context.Context, work, root string) error {
	if err := download(ctx, work, nil, r.Packages); err != nil {
		// The system's package lists are missing or out of date. Fresh ones go
		// to a folder of our own: the system's belong to its administrator.
		private, listErr := updateLists(ctx, work)
		if listErr != nil {
			return errors.Join(err, listErr)
		}
		if err := download(ctx, work, private, r.Packages); err != nil {
			return err
		}
	}
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range packages {
		if err := run(ctx, work, "dpkg-deb", "--extract", file, root); err != nil {
			return err
		}
	}
	return nil
}

// updateLists downloads package lists into work and returns the options that
// make apt-get use them.
func updateLists(ctx context.Context, work string) (options []string, err error) {
	lists, cache := filepath.Join(work, "lists"), filepath.Join(work, "cache")
	for _, dir := range []string{lists, cache} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	options = []string{"-o", "Dir::State::Lists=" + lists, "-o", "Dir::Cache=" + cache}
	return options, aptGet(ctx, work, options, "update")
}

func download(ctx context.Context, work string, options, packages []string) error {
	return aptGet(ctx, work, options, append([]string{"download"}, packages...)...)
}

func aptGet(ctx context.Context, work string, options []string, command ...string) error {
	// As root, apt-get would download as a user that cannot write to our folder.
	args := append([]string{"--quiet=2", "-o", "APT::Sandbox::User=root"}, options...)
	return run(ctx, work, "apt-get", append(args, command...)...)
}

// run runs a program in the folder dir; what it printed is part of the error.
func run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return nil
}

// version runs a command made with --version.
func (r Release) version(cmd *exec.Cmd) (string, error) {
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s of %s does not start here: %w\n%s", r.Arg0, cmd.Path, err, output)
	}
	return strings.TrimSpace(string(output)), nil
}
