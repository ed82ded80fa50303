package valkey

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Values replace references for every division of valkey-go's writes.
func TestLoansAreWrittenInTheirPlace(t *testing.T) {
	value := func(size int) []byte { return bytes.Repeat([]byte{byte('a' + size%26)}, size) }
	for range 200 {
		c := &conn{requests: ofRequests(), loans: newLoans()}
		var request, want bytes.Buffer
		for range 1 + rand.N(4) {
			fmt.Fprintf(&request, "*2\r\n$3\r\nSET\r\n")
			fmt.Fprintf(&want, "*2\r\n$3\r\nSET\r\n")
			switch v := value(rand.N(3 * maxScratch / 2)); rand.N(4) {
			case 0: // text that ends like the beginning of a reference
				fmt.Fprintf(&request, "$4\r\nx$24\r\n")
				fmt.Fprintf(&want, "$4\r\nx$24\r\n")
			case 1: // a value of a reference's length
				fmt.Fprintf(&request, "$24\r\n%s\r\n", value(24))
				fmt.Fprintf(&want, "$24\r\n%s\r\n", value(24))
			case 2: // a value with the mark that was not lent
				fmt.Fprintf(&request, "$24\r\n%s12345678\r\n", c.loans.mark[len(header):])
				fmt.Fprintf(&want, "$24\r\n%s12345678\r\n", c.loans.mark[len(header):])
			default:
				lent := c.loans.lend(v)
				fmt.Fprintf(&request, "$24\r\n%s\r\n", lent.reference[:])
				fmt.Fprintf(&want, "$%d\r\n%s\r\n", len(v), v)
				if rand.N(2) == 0 { // the caller leaves, and changes the value
					lent.end(false)
					clear(v)
				}
			}
		}
		var got bytes.Buffer
		size := 1 + rand.N(request.Len())
		for rest := request.Bytes(); len(rest) > 0; {
			n := min(size, len(rest))
			require.True(t, c.follow(rest[:n]))
			_, err := c.loans.write(rest[:n], c.between(), got.Write)
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.True(t, bytes.Equal(want.Bytes(), got.Bytes()), "in pieces of %d:\n%.300q", size, got.Bytes())
		require.Zero(t, c.loans.some.Load())
	}
}

// A missing value ends the connection, because the next bytes would be read as the value.
func TestLoansThatAreGoneEndTheConnection(t *testing.T) {
	l := newLoans()
	lent := l.lend(make([]byte, minLent))
	lent.end(true)
	var got bytes.Buffer
	_, err := l.write(fmt.Appendf(nil, "*2\r\n$3\r\nSET\r\n$24\r\n%s\r\n*1\r\n$4\r\nPING\r\n", lent.reference[:]), true, got.Write)
	require.ErrorIs(t, err, errGone)
	require.NotContains(t, got.String(), "PING")

	lent = l.lend(make([]byte, minLent))
	full := errors.New("full")
	_, err = l.write(fmt.Appendf(nil, "*1\r\n$24\r\n%s\r\n", lent.reference[:]), true, func([]byte) (int, error) { return 3, full })
	require.ErrorIs(t, err, full)
}
