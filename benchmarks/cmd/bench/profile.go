package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/record"
)

const (
	profiled    = 3               // cases of a part
	profileTime = 2 * time.Second // of CPU, for each
	profileRows = 25
)

// profileSlowest takes CPU profiles of the slowest cases and says where their
// time went.
func profileSlowest(ctx context.Context, cases []*bench, all []figure.Figure) (string, error) {
	return profile(ctx, slowest(cases, all))
}

func slowest(cases []*bench, all []figure.Figure) []*bench {
	rates := map[string]float64{}
	for _, s := range record.Gather(all) {
		if s.Unit == "MB/s" {
			rates[(cell{s.Table, s.Row, s.Col}).name()] = s.Value
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(cases), func(a, b *bench) int { return cmp.Compare(rates[a.name], rates[b.name]) })
	return sorted[:min(profiled, len(sorted))]
}

func profile(ctx context.Context, cases []*bench) (string, error) {
	var b strings.Builder
	for _, c := range cases {
		top, err := c.profile(ctx)
		if err != nil {
			return "", fmt.Errorf("profile of %s: %w", c.name, err)
		}
		fmt.Fprintf(&b, "== %s\n%s\n", c.name, top)
	}
	return b.String(), nil
}

func (c *bench) profile(ctx context.Context) (top string, err error) {
	f, err := os.CreateTemp("", "tracescrub-profile-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return "", errors.Join(err, f.Close())
	}
	for from := cpuTime(); cpuTime()-from < profileTime && err == nil; {
		err = c.check()
	}
	pprof.StopCPUProfile()
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	out, err := command(ctx, "go", "tool", "pprof", "-top", fmt.Sprintf("-nodecount=%d", profileRows), f.Name())
	return trim(string(out)), err
}

// noise is what says something of the machine or of the way, and nothing of the time.
var noise = []string{"File: ", "Build ID: ", "Type: ", "Time: ", "Dropped "}

func trim(top string) string {
	var b strings.Builder
	for line := range strings.Lines(top) {
		if !slices.ContainsFunc(noise, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
			b.WriteString(line)
		}
	}
	return b.String()
}
