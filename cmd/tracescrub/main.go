// Command tracescrub masks and finds secrets in files, with the rules and the
// code of the Collector's processor secret_mask.
//
// The commands are in one file each; they talk to the world only through a
// terminal value, so that tests run them whole and nothing but main exits.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], osTerminal())) }
