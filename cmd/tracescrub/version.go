package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

// build is what a binary knows of its own making.
type build struct{ version, commit, date string }

func buildVersion() build {
	b := build{version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.version == "" {
		b.version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			b.date = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if b.commit != "" {
		b.commit += dirty
	}
	return b
}

func (b build) short() string {
	if b.version == "" || b.version == "(devel)" {
		return "development"
	}
	return b.version
}

func newVersion(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the hash of the built-in rules",
		Long: `Print the version, the commit, and the number and hash of the built-in rules.
Two binaries with the same hash find the same.`,
		Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			b := buildVersion()
			e, err := builtinEngine()
			if err != nil {
				return err
			}
			fmt.Fprintf(t.out, "tracescrub %s\n", b.short())
			if b.commit != "" {
				fmt.Fprintf(t.out, "commit     %s %s\n", b.commit, b.date)
			}
			fmt.Fprintf(t.out, "rules      %d, hash %s\n", len(e.Rules()), e.Hash())
			_, err = fmt.Fprintf(t.out, "built with %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
