package driver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestCredentialsHideThePassword(t *testing.T) {
	c := driver.Credentials{Username: "ann", Password: canary, Expires: time.Unix(1e9, 0)}
	hex := fmt.Sprintf("%x", canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
		for _, shown := range []any{c, &c, []driver.Credentials{c}, struct{ C driver.Credentials }{c}, map[string]driver.Credentials{"k": c}} {
			text := fmt.Sprintf(verb, shown)
			require.NotContains(t, text, canary, verb)
			require.NotContains(t, text, hex, verb)
		}
	}
	require.Contains(t, fmt.Sprint(c), "ann")
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(text), canary)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("credentials", "c", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("credentials", "c", c)
	require.NotContains(t, log.String(), canary)
}
