package settings

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// passwordFileInterval is the time between two reads of a password file while
	// connections use it.
	passwordFileInterval = time.Second
	// renewBefore is the longest time before their end at which credentials are renewed.
	// Credentials with a short life are renewed when a quarter of that life is left.
	renewBefore = 5 * time.Minute
)

// credentials are the source of logins: a constant password, a file, or a function of the
// program. All servers of a DSN share them.
type credentials struct {
	user     string
	password driver.Secret
	file     string
	name     string // of the parameter with the name of the file
	ask      func(context.Context) (driver.Credentials, error)

	mu      sync.Mutex
	number  uint64    // number of the last login
	current *Login    // the login of the file
	read    time.Time // time of the last read of the file
}

// A Login is the user and the password of a connection. No verb of fmt shows the password.
type Login struct {
	user     string
	password driver.Secret
	number   uint64 // counts the logins of one source
	renew    time.Time
	file     bool
}

// Words returns the command AUTH of the login.
func (l *Login) Words() []string {
	if l.user == "" {
		return []string{"AUTH", l.password.Reveal()}
	}
	return []string{"AUTH", l.user, l.password.Reveal()}
}

// HelloWords returns the arguments of HELLO for the login.
func (l *Login) HelloWords() []string {
	user := l.user
	if user == "" {
		user = "default"
	}
	return []string{"AUTH", user, l.password.Reveal()}
}

// User returns the user's name and the password.
func (l *Login) User() (name, password string) { return l.user, l.password.Reveal() }

// Before reports whether other is a newer login.
func (l *Login) Before(other *Login) bool { return l.number < other.number }

// RenewAt returns the time at which a connection with the login needs a newer login. The
// zero time means never.
func (l *Login) RenewAt(now time.Time) time.Time {
	if l.file {
		return now.Add(passwordFileInterval)
	}
	return l.renew
}

// HasPassword reports whether connections log in.
func (s *Settings) HasPassword() bool {
	c := s.credentials
	return c != nil && (c.password != driver.Secret{} || c.file != "" || c.ask != nil)
}

// Login returns the login of a new connection, or nil if connections do not log in. Login
// reads the file, or asks the program, each time.
func (s *Settings) Login(ctx context.Context) (*Login, error) {
	switch c := s.credentials; {
	case !s.HasPassword():
		return nil, nil //nolint:nilnil // no login, and no error
	case c.ask != nil:
		return c.asked(ctx)
	case c.file != "":
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.readFile()
	default:
		return &Login{user: c.user, password: c.password}, nil
	}
}

// Renewed returns the newest login for open connections. The file is read about once a
// second at most, for all servers together.
func (s *Settings) Renewed(ctx context.Context) (*Login, error) {
	c := s.credentials
	if c.file == "" {
		return s.Login(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && time.Since(c.read) < passwordFileInterval/2 {
		return c.current, nil
	}
	return c.readFile()
}

// readFile reads the password file. c.mu is locked.
func (c *credentials) readFile() (*Login, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", c.name, err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return nil, fmt.Errorf("%s %s is empty", c.name, c.file)
	}
	c.read = time.Now()
	if c.current == nil || c.current.password.Reveal() != password {
		c.number++
		c.current = &Login{user: c.user, password: driver.NewSecret(password), number: c.number, file: true}
	}
	return c.current, nil
}

var (
	errNoPassword = errors.New("the credentials of the program have no password")
	errExpired    = errors.New("the credentials of the program have expired already")
)

// asked asks the program for credentials.
func (c *credentials) asked(ctx context.Context) (*Login, error) {
	got, err := c.ask(ctx)
	now := time.Now()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the program's credentials could not be had: %w", err)
	case got.Password == "":
		return nil, errNoPassword
	case !got.Expires.IsZero() && !now.Before(got.Expires):
		return nil, errExpired
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	login := &Login{user: got.Username, password: driver.NewSecret(got.Password), number: c.number}
	if !got.Expires.IsZero() {
		login.renew = got.Expires.Add(-min(renewBefore, got.Expires.Sub(now)/4))
	}
	return login, nil
}

// readCredentials returns the credentials of a DSN: the user with a password or a password
// file, or the function of the program.
func readCredentials(dsn *driver.DSN) (*credentials, error) {
	c, err := readPassword(dsn, dsn.User, "password_file", dsn.Password)
	if err != nil {
		return nil, err
	}
	given := c.password != driver.Secret{} || c.file != ""
	switch c.ask = dsn.Credentials; {
	case c.ask != nil && (given || c.user != ""):
		return nil, errors.New("xcache: bad DSN: a user, a password or password_file cannot be combined with credentials of the program")
	case c.ask == nil && c.user != "" && !given:
		return nil, errors.New("xcache: bad DSN: a user needs a password; for one without (nopass) give any")
	}
	return c, nil
}

// readPassword returns the credentials of a user with a password, or with a password file.
func readPassword(dsn *driver.DSN, user, fileParameter string, password driver.Secret) (*credentials, error) {
	c := &credentials{user: user, password: password, file: dsn.Text(fileParameter, ""), name: fileParameter}
	switch {
	case c.file == "":
	case password != driver.Secret{}:
		dsn.Refuse(fileParameter, "cannot be combined with a password in the DSN")
	default:
		if _, err := c.readFile(); err != nil {
			return nil, fmt.Errorf("xcache: bad DSN: %w", err)
		}
	}
	return c, nil
}
