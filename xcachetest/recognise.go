package xcachetest

import (
	"cmp"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// platform is the version of Go, with system and architecture.
var platform = runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH

// recognise finds the driver and the server of a report. The store of subject was used
// before.
func (s *suite) recognise(subject *subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.driver != "" && s.server != "" {
		return
	}
	defer func() { _ = recover() }() // a check finds an Inspector that panics
	name, server := "", ""
	if subject.caps.Inspector != nil {
		inspection := subject.caps.Inspector.Inspect()
		name = inspection.Driver
		var versions []string
		for _, server := range inspection.Servers {
			if server.Version != "" {
				versions = append(versions, server.Version)
			}
		}
		slices.Sort(versions)
		server = strings.Join(slices.Compact(versions), ", ")
	}
	s.driver = cmp.Or(s.driver, driverName(name, subject.store))
	s.server = cmp.Or(s.server, server)
}

// driverName returns the name and version of the driver of a store.
func driverName(name string, store any) string {
	kind := reflect.TypeOf(store)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	path := kind.PkgPath()
	return strings.TrimSpace(cmp.Or(name, path, kind.String()) + " " + moduleVersion(path))
}

// moduleVersion returns the version of the module of a package, or "".
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	found := debug.Module{}
	for _, module := range append(info.Deps, &info.Main) {
		within := path == module.Path || strings.HasPrefix(path, module.Path+"/")
		if within && len(module.Path) > len(found.Path) {
			found = *module
		}
	}
	if found.Replace != nil {
		found = *found.Replace
	}
	return strings.Trim(found.Version, "()") // the main module of a test is "(devel)"
}
