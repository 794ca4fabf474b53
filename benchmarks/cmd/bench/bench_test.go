package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestWrongAnswerEndsIt(t *testing.T) {
	c := &bench{table: "t", row: "r", col: "c", want: 2, scale: 1, run: func() (int, error) { return 1, nil }}
	err := measure([]*bench{c}, 1, time.Nanosecond)
	if err == nil || !strings.Contains(err.Error(), "found 1 secrets, want 2") {
		t.Fatalf("got %v", err)
	}
	broken := errors.New("broken")
	c.run = func() (int, error) { return 0, broken }
	if err := measure([]*bench{c}, 1, time.Nanosecond); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

// TestCases runs each case once: the answers are right.
func TestCases(t *testing.T) {
	cases, err := allCases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2*len(sizes)+len(shapes) {
		t.Fatalf("%d cases", len(cases))
	}
	some := 0
	for _, c := range cases {
		if err := c.check(); err != nil {
			t.Errorf("%s, %s, %s: %v", c.table, c.row, c.col, err)
		}
		some += c.want
	}
	if some == 0 {
		t.Error("no case has a secret")
	}
}

func TestMedian(t *testing.T) {
	c := &bench{rates: []float64{9, 1, 5, 7, 3}}
	if got := c.rate(); got != 5 {
		t.Errorf("got %v", got)
	}
	if c.rates[0] != 9 {
		t.Error("the record lost its order")
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		in   float64
		want string
	}{{3.14159, "3.1"}, {123.4, "123"}, {9999, "9999"}, {12_345, "12,300"}, {999_999, "999,900"}, {1_234_567, "1.23 million"}} {
		if got := number(c.in); got != c.want {
			t.Errorf("%v: got %q, want %q", c.in, got, c.want)
		}
	}
}

// TestPage: the page of this repository has the markers, and only what is between them changes.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	once, err := between(string(page), "fresh\n")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := between(once, "fresh\n")
	if err != nil || once != twice || !strings.Contains(once, begin+"fresh\n"+end) {
		t.Fatal("writing the tables twice is not the same as once")
	}
	if _, err := between("no markers", "x"); err == nil {
		t.Fatal("a page without markers was accepted")
	}
}

func TestRecordHasEveryRun(t *testing.T) {
	c := &bench{table: "engine", row: clean, col: "64 B", unit: "MB/s", scale: 2, run: func() (int, error) { return 0, nil }}
	if err := measure([]*bench{c}, 3, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	text := raw(describe(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), []*bench{c})
	if len(c.rates) != 3 || !strings.Contains(text, "date: 2026-01-02\n") || !strings.Contains(text, "engine | clean text | 64 B | MB/s | found 0 |") {
		t.Errorf("%d rates; the record is %d bytes", len(c.rates), len(text))
	}
}
