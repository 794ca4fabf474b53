package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func resource(run string) string {
	return `{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}},{"key":"` + runKey +
		`","value":{"stringValue":"` + run + `"}}]},"scopeSpans":[]}`
}

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "traces.jsonl")
	write := func(s string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	poll := func(o *outputs) {
		t.Helper()
		if err := o.poll("traces"); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"resourceSpans":[` + resource("a") + "]}\n")
	o := watch(dir)
	poll(o)
	if len(o.have) != 0 {
		t.Error("what was there before is read")
	}
	// Two runs in one line, in two pieces, and a line of nobody.
	line := `{"resourceSpans":[` + resource("a") + "," + resource("b") + "]}\n"
	write(line[:30])
	poll(o)
	if len(o.have) != 0 {
		t.Error("half a line is used")
	}
	write(line[30:] + `{"resourceLogs":[{"resource":{}}]}` + "\n")
	poll(o)
	if len(o.have["a"]) != 1 || len(o.have["b"]) != 1 || len(o.have) != 2 {
		t.Errorf("have %d runs", len(o.have))
	}
	// Rotation: a new, shorter file of the same name.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	write(`{"resourceSpans":[` + resource("c") + "]}\n")
	poll(o)
	if len(o.have["c"]) != 1 {
		t.Error("a rotated file is not read from its start")
	}
	write("no JSON\n")
	if err := o.poll("traces"); err == nil || !strings.Contains(err.Error(), "traces.jsonl") {
		t.Errorf("err = %v", err)
	}
}
