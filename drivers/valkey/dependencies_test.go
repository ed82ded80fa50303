package valkey_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A program that imports one of the drivers for servers links that one's client
// only.
func TestProgramLinksTheClientOfItsDriverOnly(t *testing.T) {
	const valkeyGo, goRedis = "github.com/valkey-io/valkey-go", "github.com/redis/go-redis/v9"
	for _, tt := range []struct{ driver, linked, other string }{
		{"valkey", valkeyGo, goRedis},
		{"redis", goRedis, valkeyGo},
	} {
		t.Run(tt.driver, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "main.go")
			text := "package main\n\nimport (\n\t\"os\"\n\n\t\"github.com/xcache-go/xcache\"\n\t_ \"github.com/xcache-go/xcache/drivers/" + tt.driver +
				"\"\n)\n\nfunc main() {\n\tif _, err := xcache.OpenDSN(os.Args[1]); err != nil {\n\t\tpanic(err)\n\t}\n}\n"
			if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(t.TempDir(), "program")
			goCommand(t, "build", "-o", program, source)
			if out, err := exec.CommandContext(t.Context(), program, tt.driver+"://localhost").CombinedOutput(); err != nil {
				t.Fatalf("the program fails: %v\n%s", err, out)
			}
			packages := strings.Fields(goCommand(t, "list", "-deps", source))
			if !slices.Contains(packages, tt.linked) {
				t.Errorf("%s is not linked", tt.linked)
			}
			for _, p := range packages {
				if strings.HasPrefix(p, strings.TrimSuffix(tt.other, "/v9")) || strings.HasSuffix(p, "xcache/drivers/memory") {
					t.Errorf("%s is linked", p)
				}
			}
		})
	}
}

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
