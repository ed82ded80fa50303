package release

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Unpack unpacks packages of some suites of Debian into the folder name of the
// cache folder and returns that folder. Unpack is for programs that are no
// servers. If the folder is there already, nothing is downloaded. Like Fetch,
// Unpack installs nothing.
func Unpack(ctx context.Context, name string, suites, packages []string) (root string, err error) {
	root, err = Unpacked(name)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return root, err
	}
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, name+".part-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	unpacked := filepath.Join(work, "root")
	if err := unpackAll(ctx, work, unpacked, suites, packages); err != nil {
		return "", err
	}
	root = filepath.Join(dir, name)
	if err := os.Rename(unpacked, root); err != nil {
		return Unpacked(name) // another process was faster
	}
	return root, nil
}

// Unpacked returns the folder that Unpack made. The error is ErrNotFound if
// there is no such folder.
func Unpacked(name string) (root string, err error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	root = filepath.Join(dir, name)
	if _, err := os.Stat(root); err != nil {
		return "", errors.Join(ErrNotFound, err)
	}
	return root, nil
}

// Loader returns the arguments that start a program with the loader and the
// libraries below root; none if root has no loader.
func Loader(root string) []string {
	loaders := glob(root, "ld-linux*.so.*")
	if len(loaders) == 0 {
		return nil
	}
	return []string{loaders[0], "--library-path", strings.Join(glob(root, ""), ":")}
}

// unpackAll downloads packages into work and unpacks them all into root.
func unpackAll(ctx context.Context, work, root string, suites, packages []string) error {
	archive, err := openArchive(ctx, work, suites)
	if err != nil {
		return err
	}
	files, err := archive.download(ctx, packages)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := run(ctx, work, "dpkg-deb", "--extract", file, root); err != nil {
			return err
		}
	}
	return nil
}
