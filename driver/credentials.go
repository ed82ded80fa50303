package driver

import (
	"fmt"
	"strconv"
	"time"
)

// Credentials are what a connection logs in with. No verb of fmt shows the password.
type Credentials struct {
	// Username is the user's name; empty is the default user.
	Username string
	// Password is the user's password, or a token in its place. It is not empty; for a
	// user without a password (nopass) give any.
	Password string
	// Expires is when they end. Connections that live then have logged in with
	// others before. The zero time is no end.
	Expires time.Time
}

// String returns the user's name and the end. A placeholder stands for the password.
func (c Credentials) String() string {
	text := "credentials of " + strconv.Quote(c.Username)
	if c.Password != "" {
		text += " with password " + redacted
	}
	if !c.Expires.IsZero() {
		text += " until " + c.Expires.Format(time.RFC3339)
	}
	return text
}

// Format writes what String returns for every verb.
func (c Credentials) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.String())
}

// MarshalText returns what String does, for loggers and encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
