package exchange

import "github.com/xcache-go/xcache/driver"

// besideLeases returns the arguments of a command on leases as the server gets them. A lease is
// a key of its own there, beside the key of the value: a fill has both, and the other commands
// have the leases alone.
func besideLeases(cmd *driver.Cmd) []driver.Arg {
	args := make([]driver.Arg, 0, len(cmd.Args)+1)
	for _, arg := range cmd.Args {
		if arg.Role != driver.RoleKey {
			args = append(args, arg)
			continue
		}
		if cmd.Name == driver.CmdLeaseFill {
			args = append(args, arg)
		}
		args = append(args, driver.Key(driver.LeaseName(arg.Text)))
	}
	return args
}
