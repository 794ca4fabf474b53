package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errTime = errors.New("use a day (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (90d, 36h, 15m)")

// pastTime reads a time that somebody wrote: a day or a time, in UTC if it does
// not say otherwise, or how long before now.
func pastTime(now time.Time, s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(form, s); err == nil {
			return at.UTC(), nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100*366 {
			return time.Time{}, errTime
		}
		return now.UTC().AddDate(0, 0, -n), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return time.Time{}, errTime
	}
	return now.UTC().Add(-d), nil
}
