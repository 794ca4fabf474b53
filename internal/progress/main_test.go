package main

import (
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name     string
		terminal bool
		script   string
		code     int
		want     []string
		not      string
	}{
		{"quiet when it works", false, "echo alpha; echo two >&2", 0, []string{"compiling ...", "2 of at most 5 packages done"}, "alpha"},
		{"status line on a terminal", true, "echo one", 0, []string{"\r\x1b[K", "1 of at most 5 packages done"}, "compiling ..."},
		{"everything shown when it fails", false, "echo one; echo cause; exit 3", 3, []string{"failed: exit status 3", "one\ncause\n"}, "done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s := &status{label: "compiling", unit: "packages", total: 5, out: &out, terminal: tt.terminal, start: time.Now()}
			if code := run(s, []string{"sh", "-c", tt.script}); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output %q does not hold %q", out.String(), want)
				}
			}
			if strings.Contains(out.String(), tt.not) {
				t.Errorf("output %q holds %q", out.String(), tt.not)
			}
		})
	}
}

func TestRunUnknownCommand(t *testing.T) {
	var out strings.Builder
	s := &status{label: "compiling", out: &out, start: time.Now()}
	if code := run(s, []string{"no-such-command-of-ours"}); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !strings.Contains(out.String(), "no-such-command-of-ours") {
		t.Errorf("output %q does not name the command", out.String())
	}
}
