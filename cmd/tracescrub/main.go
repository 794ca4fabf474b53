// Command tracescrub masks and finds secrets in files, with the rules and the
// code of the Collector's processor secret_mask.
//
// The commands are in one file each; they talk to the world only through a
// terminal value, so that tests run them whole and nothing but main exits.
package main

import (
	"fmt"
	"os"

	"github.com/tracescrub/tracescrub/internal/ownmemory"
)

func main() {
	// What is read here has secrets in it, which a core dump would write to a disk.
	if err := ownmemory.NoDump(); err != nil {
		fmt.Fprintf(os.Stderr, "tracescrub: warning: a crash may leave what was read on a disk: %v\n", err)
	}
	os.Exit(run(os.Args[1:], osTerminal()))
}
