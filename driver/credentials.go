package driver

import (
	"fmt"
	"strconv"
	"time"
)

// Credentials are the user and the password of a login. No verb of fmt shows the password.
type Credentials struct {
	// Username is the user's name; empty is the default user.
	Username string
	// Password is the user's password, or a token in its place. Password is not empty: for a
	// user without a password (nopass) any text does.
	Password string
	// Expires is the time at which the credentials end. Living connections log in with new
	// credentials before that time. The zero time is no end.
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

// Format writes the result of String for every verb.
func (c Credentials) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.String())
}

// MarshalText returns the result of String, for loggers and encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
