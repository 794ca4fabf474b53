package main

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// small are texts of all sizes but the largest, few of each.
func small(t *testing.T, share int) []*texts {
	t.Helper()
	var all []*texts
	for _, size := range []int{64, 1 << 10, 16 << 10} {
		some, err := newTexts(7, size, min(40, 160<<10/size), share)
		require.NoError(t, err)
		all = append(all, some)
	}
	return all
}

func TestTexts(t *testing.T) {
	all, err := newTexts(1, 64, 1000, 200)
	require.NoError(t, err)
	require.Equal(t, []int{100, 300, 500, 700, 900}, all.planted)
	few, ok := all.first(400)
	require.True(t, ok)
	require.Len(t, few.values, 400)
	require.Equal(t, []int{100, 300}, few.planted)
	_, ok = all.first(150) // one secret in 150 is not one in 200
	require.False(t, ok)
	_, err = newTexts(1, 64, 50, 200) // too few for any
	require.Error(t, err)
}

// Everybody who is installed finds the planted secrets of each size, in those
// values and no others.
func TestDetectorsFindWhatWasPlanted(t *testing.T) {
	all, err := allDetectors(t.Context())
	require.NoError(t, err)
	for _, d := range all {
		t.Run(d.name, func(t *testing.T) {
			for _, share := range []int{0, 10} {
				for _, some := range small(t, share) {
					s, err := d.subject(some, "any size", len(some.values))
					require.NoError(t, err)
					if s.pass == nil {
						require.Contains(t, d.name, "Vectorscan", "only that may be absent")
						continue
					}
					require.Equal(t, len(some.planted), s.want)
					for range 2 { // what a pass spoils is made ready again
						_, _, err = s.measure(time.Nanosecond)
						require.NoError(t, err)
					}
				}
			}
		})
	}
}

// Who finds nothing, everything, or the right number in the wrong places cannot
// be measured.
func TestWrongDetectorsAreRefused(t *testing.T) {
	some := small(t, 10)[0]
	for name, has := range map[string]func(int) bool{
		"nothing":    func(int) bool { return false },
		"everything": func(int) bool { return true },
		"the values beside": func(i int) bool {
			return i > 0 && some.planted[0]%10 == (i-1)%10
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &detector{name: name, has: func(_ *texts, i int) (bool, error) { return has(i), nil }}
			_, err := d.subject(some, "64 B", len(some.values))
			require.ErrorContains(t, err, "wrong about")
		})
	}
	// One that is right when it is checked and finds nothing when it is measured.
	blind := false
	d := &detector{has: func(t *texts, i int) (bool, error) {
		_, want := slices.BinarySearch(t.planted, i)
		return want && !blind, nil
	}}
	s, err := d.subject(some, "64 B", len(some.values))
	require.NoError(t, err)
	_, _, err = s.measure(time.Nanosecond)
	require.NoError(t, err)
	blind = true
	_, _, err = s.measure(time.Nanosecond)
	require.EqualError(t, err, "found 0, want 4")
}

// A processor that masks nothing, or too much, fails its pass.
func TestChangedValues(t *testing.T) {
	some := small(t, 10)[0]
	all := batches(some.strings)
	_, err := changed(all, some)
	require.ErrorContains(t, err, "wrong about 4 of 40")
	at := func(i int) interface{ SetStr(string) } {
		v, _ := all[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(i / perSpan).Attributes().Get(fieldName(i % perSpan))
		return v
	}
	for _, i := range some.planted {
		at(i).SetStr("****")
	}
	n, err := changed(all, some)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	at(0).SetStr("****")
	_, err = changed(all, some)
	require.ErrorContains(t, err, "wrong about 1 of 40")
	_, err = changed(nil, some)
	require.ErrorContains(t, err, "0 came out")
}

func TestBatches(t *testing.T) {
	some, err := newTexts(1, 64, perBatch+perSpan+1, 0)
	require.NoError(t, err)
	all := batches(some.strings)
	require.Len(t, all, 2)
	require.Equal(t, perBatch/perSpan, all[0].SpanCount())
	require.Equal(t, 2, all[1].SpanCount())
	some, err = newTexts(1, 256<<10, 20, 0)
	require.NoError(t, err)
	require.Len(t, batches(some.strings), 2) // 16 are 4 MB
}

// All who look for the same literals report the same ones.
func TestFindersAgree(t *testing.T) {
	all, err := allFinders()
	require.NoError(t, err)
	require.Greater(t, len(all[0].list), 300)
	for _, share := range []int{0, 10} {
		for _, some := range small(t, share) {
			_, err := filterContest(all, some, "any size")
			require.NoError(t, err)
		}
	}
}

func TestWrongFindersAreRefused(t *testing.T) {
	list := []prefilter.Literal{{Text: "token"}, {Text: "Keys", Exact: true}, {Text: "auth", Follow: &[256]bool{'=': true}}}
	right, err := newFilter("right", list)
	require.NoError(t, err)
	some := small(t, 0)[1]
	_, err = right.subject(some, "1 KB")
	require.NoError(t, err)
	for name, wrong := range map[string]func(*set){
		"none": func(s *set) { s.next() },
		"one too many": func(s *set) {
			for i := range list {
				s.add(i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &finder{name: name, list: list, find: func(text []byte, has *set) error {
				err := right.find(text, has)
				wrong(has)
				return err
			}}
			_, err := f.subject(some, "1 KB")
			require.ErrorContains(t, err, "wrong about literal")
			_, err = filterContest([]*finder{right, f}, some, "1 KB")
			require.Error(t, err)
		})
	}
	// Right on the sample, and wrong about the rest.
	calls := 0
	late := &finder{list: list, find: func(text []byte, has *set) error {
		if calls++; calls > 2*len(some.values)+1 { // checked, and one pass
			return errors.New("too late")
		}
		return right.find(text, has)
	}}
	s, err := late.subject(some, "1 KB")
	require.NoError(t, err)
	_, _, err = s.measure(time.Nanosecond)
	require.EqualError(t, err, "too late")
}

func TestStands(t *testing.T) {
	equals := &[256]bool{'=': true}
	for name, c := range map[string]struct {
		l    prefilter.Literal
		text string
		want bool
	}{
		"any case":            {prefilter.Literal{Text: "Key"}, "a kEY b", true},
		"its case":            {prefilter.Literal{Text: "Key", Exact: true}, "a kEY Key", true},
		"not its case":        {prefilter.Literal{Text: "Key", Exact: true}, "a kEY b", false},
		"behind it":           {prefilter.Literal{Text: "Key", Follow: equals}, "keys key=", true},
		"not behind it":       {prefilter.Literal{Text: "Key", Follow: equals}, "keys key:", false},
		"at the end":          {prefilter.Literal{Text: "Key", Follow: equals}, "keys key", true},
		"behind, in its case": {prefilter.Literal{Text: "Key", Follow: &[256]bool{'s': true}}, "KEYS", false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, stands(c.l, c.text, string(lower(nil, []byte(c.text)))))
		})
	}
}

func TestRatios(t *testing.T) {
	row := func(table, row, unit string, v float64) figure.Figure {
		return figure.Figure{Table: table, Row: row, Col: "64 B", Unit: unit, Value: v}
	}
	got := ratios([]figure.Figure{
		row("peers", "ours", "MB/s", 300), row("peers allocations", "ours", "allocations/value", 0), row("peers", "theirs", "MB/s", 3),
		row("prefilter", "ours", "MB/s", 500), row("prefilter", "gone", absent, 0), row("prefilter", "theirs", "MB/s", 1000),
	})
	require.Equal(t, []figure.Figure{row("peers ratio", "theirs", "x", 100), row("prefilter ratio", "theirs", "x", 0.5)}, got)
}

// The figures have every row and size, and a peer that is not installed says
// so and has no rate.
func TestFigures(t *testing.T) {
	some := small(t, 0)[0]
	gone := &detector{name: "gone"}
	there := &detector{name: "there", has: func(*texts, int) (bool, error) { return false, nil }}
	var all []*subject
	for _, d := range []*detector{there, gone} {
		s, err := d.subject(some, "64 B", len(some.values))
		require.NoError(t, err)
		all = append(all, s)
	}
	got, err := measure(all, time.Millisecond)
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, "MB/s", got[0].Unit)
	require.Positive(t, got[0].Value)
	require.False(t, math.IsInf(got[0].Value, 0))
	require.Equal(t, figure.Figure{Table: peersTable + allocSuffix, Row: "there", Col: "64 B", Unit: "allocations/value", Value: got[1].Value}, got[1])
	require.Equal(t, figure.Figure{Table: peersTable, Row: "gone", Col: "64 B", Unit: absent}, got[2])
}
