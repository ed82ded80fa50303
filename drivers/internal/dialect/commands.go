package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/script"
)

// commands are all commands of the table that do not wait. Servers run these commands
// directly, and the extensions as scripts. The extension that takes leases away is UNLINK
// instead of a script.
var commands = func() driver.CommandSet {
	var names []string
	for _, c := range driver.Commands() {
		_, isScript := script.Lookup(c.Name)
		if !c.Blocking && (c.Extension == isScript || c.Name == driver.CmdLeaseRevoke) {
			names = append(names, c.Name)
		}
	}
	return driver.NewCommandSet(names...)
}()

// Commands returns the commands that the drivers for servers run.
func Commands() driver.CommandSet { return commands }

// Known returns the commands of cmds that a driver runs: the commands of the set, and
// custom commands. Custom commands go to the server as they are. For another command, a
// plain batch sets the error of the command to errors.ErrUnsupported, and an atomic batch
// fails as a whole. exclusive tells that the connection belongs to one caller: other
// connections carry no commands that wait at the server or change the connection.
func Known(driverName string, cmds []*driver.Cmd, how driver.How, exclusive bool) ([]*driver.Cmd, error) {
	isUnknown := func(c *driver.Cmd) bool {
		if c.Waits() {
			return !exclusive
		}
		return isUnknown(c) || !exclusive && ofOwnConnection(c) != nil
	}
	if !slices.ContainsFunc(cmds, isUnknown) {
		return cmds, nil
	}
	known := make([]*driver.Cmd, 0, len(cmds))
	for _, c := range cmds {
		if !isUnknown(c) {
			known = append(known, c)
			continue
		}
		err := fmt.Errorf("xcache: the %s driver has no command %s: %w", driverName, c.Name, errors.ErrUnsupported)
		if c.Waits() {
			err = fmt.Errorf("xcache: %s waits at the server and would hold up other calls: it is for a connection of the caller's own (driver.Exclusive): %w", c.Name, errors.ErrUnsupported)
		} else if own := ofOwnConnection(c); own != nil {
			err = own
		}
		if how == driver.Atomic {
			return nil, err
		}
		c.Err = err
	}
	return known, nil
}

func isUnknown(c *driver.Cmd) bool {
	return !commands.Runs(c) && !(c.IsCustom() && isName(c.Name))
}

// isName reports whether a custom command may have a name. Names of this library's own
// extensions are not allowed.
func isName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return false
		}
	}
	return name != "" && !strings.HasPrefix(name, "XCACHE.")
}
