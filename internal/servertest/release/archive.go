package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// keyring holds the keys with which releases of Debian are signed. The file
// is part of the package debian-archive-keyring.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// archive is some suites of Debian as apt-get sees them, with package lists of
// its own. The system's package lists belong to the system's administrator, may
// be out of date, and know the system's own suite only.
type archive struct {
	dir     string // downloads go there
	options []string
}

// openArchive downloads the package lists of suites into dir, from the mirror
// in this machine's configuration.
func openArchive(ctx context.Context, dir string, suites []string) (*archive, error) {
	mirrors, err := mirrors(ctx)
	if err != nil {
		return nil, err
	}
	sources := filepath.Join(dir, "sources.list")
	preferences := filepath.Join(dir, "preferences")
	lists := filepath.Join(dir, "lists")
	cache := filepath.Join(dir, "cache")
	for _, dir := range []string{lists, cache} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(preferences, []byte(newestTools), 0o644); err != nil {
		return nil, err
	}
	a := &archive{dir: dir, options: []string{
		"--quiet=2",
		"-o", "Dir::Etc::SourceList=" + sources,
		"-o", "Dir::Etc::SourceParts=-",
		"-o", "Dir::Etc::Preferences=" + preferences,
		"-o", "Dir::Etc::PreferencesParts=-",
		"-o", "Dir::State::Lists=" + lists,
		"-o", "Dir::Cache=" + cache,
		// With the system's status file, apt-get would ask for the versions that are
		// installed here.
		"-o", "Dir::State::Status=/dev/null",
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		// Started by root, apt-get would download as a user that cannot write to dir.
		"-o", "APT::Sandbox::User=root",
		// Without this mode, a suite that cannot be downloaded is only a warning.
		"-o", "APT::Update::Error-Mode=any",
	}}
	// The machine may have mirrors of other projects. A mirror of Debian has
	// the suites, signed by Debian.
	var errs error
	for _, mirror := range mirrors {
		if err := os.WriteFile(sources, sourcesList(mirror, suites), 0o644); err != nil {
			return nil, err
		}
		err := a.aptGet(ctx, "update")
		if err == nil {
			return a, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

// newestTools makes apt-get take the newest server of all suites. Without it, apt-get
// takes a package of experimental only if no other suite has a package of that name.
const newestTools = "Package: redis-tools valkey-tools\nPin: release *\nPin-Priority: 500\n"

// mirrors returns the addresses of this machine's package mirrors.
func mirrors(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main")
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking apt-get for this machine's mirrors: %w", err)
	}
	var mirrors []string
	for mirror := range strings.FieldsSeq(string(output)) {
		if !slices.Contains(mirrors, mirror) {
			mirrors = append(mirrors, mirror)
		}
	}
	if len(mirrors) == 0 {
		return nil, errors.New("apt-get has no mirror configured on this machine")
	}
	return mirrors, nil
}

func sourcesList(mirror string, suites []string) []byte {
	var lines []byte
	for _, suite := range suites {
		lines = fmt.Appendf(lines, "deb [signed-by=%s] %s %s main\n", keyring, mirror, suite)
	}
	return lines
}

// download downloads packages and returns their files.
func (a *archive) download(ctx context.Context, packages []string) ([]string, error) {
	if err := a.aptGet(ctx, append([]string{"download"}, packages...)...); err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(a.dir, "*.deb"))
}

func (a *archive) aptGet(ctx context.Context, command ...string) error {
	return run(ctx, a.dir, "apt-get", slices.Concat(a.options, command)...)
}
