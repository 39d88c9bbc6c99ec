package rival

import (
	"fmt"
	"os/exec"
	"strings"
)

// Build builds the command in its own module, with what that pins.
func Build(program string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/scalesmall/ssnode").Output()
	if err != nil {
		return fmt.Errorf("find the module of ssnode: %w; run this in bench/", err)
	}
	cmd := exec.Command("go", "build", "-o", program, "./cmd/ssnode")
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build ssnode: %w: %s", err, out)
	}
	return nil
}
