// Package djangotest tests that Django and xcache can share a cache: a real
// Django and a cache of this library work on one server. Django has its own
// Redis backend, and the libraries of other backends.
//
// Python, Django and the libraries are unpacked from Debian's packages, as the
// servers are, and nothing is installed. "make servers" fetches the packages.
package djangotest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// folder is the name of the folder in the cache folder. Another list of packages
// needs another name.
const folder = "django-4.2"

// Python and Django come from one release of Debian, also on other systems:
// the libraries are built for that Python. The release's own Django has no
// Redis backend yet.
var (
	suites   = []string{"bookworm", "bookworm-backports"}
	packages = []string{
		"python3-django/bookworm-backports", "python3-asgiref", "python3-sqlparse", "python3-typing-extensions", "python3-tz",
		"python3-redis", "python3-async-timeout", "python3-deprecated", "python3-wrapt", "python3-packaging",
		"python3-msgpack", "python3-lz4", "python3-zstandard", "python3-cffi-backend",
		"python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib",
		"libc6", "libgcc-s1", "libssl3", "libexpat1", "zlib1g", "libffi8", "libsqlite3-0", "libuuid1",
		"liblzma5", "libbz2-1.0", "liblz4-1", "libzstd1",
	}
)

// Fetch unpacks Python and Django into the cache folder and returns their
// versions. If both are there already, nothing is downloaded.
func Fetch(ctx context.Context) (version string, err error) {
	root, err := release.Unpack(ctx, folder, suites, packages)
	if err != nil {
		return "", err
	}
	cmd := command(root, "-c", "import django, redis, platform; print('Django', django.__version__, 'redis-py', redis.__version__, 'Python', platform.python_version())")
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("python does not start from %s: %w\n%s", root, err, output)
	}
	return string(bytes.TrimSpace(output)), nil
}

// Command returns a command that runs the unpacked Python with arguments. The error is
// release.ErrNotFound if Fetch has not been called.
func Command(args ...string) (*exec.Cmd, error) {
	root, err := release.Unpacked(folder)
	if err != nil {
		return nil, err
	}
	return command(root, args...), nil
}

// command returns a command that runs the Python unpacked below root.
func command(root string, args ...string) *exec.Cmd {
	usr := filepath.Join(root, "usr")
	args = append([]string{filepath.Join(usr, "bin", "python3.11")}, args...)
	args = append(release.Loader(root), args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"PYTHONHOME=" + usr, "PYTHONPATH=" + filepath.Join(usr, "lib/python3/dist-packages"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	return cmd
}
