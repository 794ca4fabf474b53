package ignore

import "testing"

func TestMatch(t *testing.T) {
	const file = "# comment\n\n*.log\n!keep.log\nbuild/\n/top\ndocs/*.txt\na/**/b\nx{1}\n\\#odd\ntail\\ \nspace   \n[!a]z\n"
	for _, c := range []struct {
		path string
		dir  bool
		want bool
	}{
		{"x.log", false, true},
		{"deep/er/x.log", false, true},
		{"deep/keep.log", false, false},
		{"build", true, true},
		{"build", false, false},
		{"sub/build", true, true},
		{"top", false, true},
		{"sub/top", false, false},
		{"docs/a.txt", false, true},
		{"docs/sub/a.txt", false, false},
		{"sub/docs/a.txt", false, false},
		{"a/b", false, true},
		{"a/c/d/b", false, true},
		{"x{1}", false, true},
		{"x1", false, false},
		{"#odd", false, true},
		{"tail ", false, true},
		{"space", false, true},
		{"bz", false, true},
		{"az", false, false},
	} {
		l, err := Parse(".", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if got := (Stack{l}).Match(c.path, c.dir); got != c.want {
			t.Errorf("%q (directory: %v): got %v, want %v", c.path, c.dir, got, c.want)
		}
	}
}

func TestInnerListWins(t *testing.T) {
	outer, _ := Parse("", []byte("*.env\n"))
	inner, _ := Parse("sub", []byte("!ok.env\n/only\n"))
	s := Stack{outer}
	deep := s.Push(inner)
	for _, c := range []struct {
		stack Stack
		path  string
		want  bool
	}{
		{s, "sub/ok.env", true},
		{deep, "sub/ok.env", false},
		{deep, "sub/other.env", true},
		{deep, "ok.env", true},
		{deep, "sub/only", true},
		{deep, "only", false},
	} {
		if got := c.stack.Match(c.path, false); got != c.want {
			t.Errorf("%q: got %v, want %v", c.path, got, c.want)
		}
	}
}

func TestBadPatternsAreNamedByLine(t *testing.T) {
	l, err := Parse("", []byte("ok\n[a\nfine\n"))
	if err == nil || err.Error() != "line 2: bad pattern" {
		t.Fatalf("got %v", err)
	}
	if len(l.rules) != 2 {
		t.Fatalf("%d good patterns, want 2", len(l.rules))
	}
}
