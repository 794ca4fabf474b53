package ignore

import (
	"strings"
	"testing"
)

// FuzzList: patterns of a repository that nobody knows say something about any
// path, never panic, and say nothing about paths outside of their directory.
func FuzzList(f *testing.F) {
	for _, s := range []string{"", "#", "*.log\n!keep.log\n", "/build/", "a/**/b", "**", "[a-", "\\", "{a,b}", "\ufeff*.tmp\r\n", "!\n/\n//\n"} {
		f.Add([]byte(s), "a/b/keep.log", true)
	}
	f.Fuzz(func(t *testing.T, content []byte, name string, dir bool) {
		if len(content) > 1<<10 || len(name) > 200 {
			return
		}
		l, _ := Parse("base", content)
		if out, decided := l.Match("base/"+name, dir); out && !decided {
			t.Error("left out, and nothing is decided")
		}
		if _, decided := l.Match("elsewhere/"+name, dir); decided {
			t.Error("a pattern counts outside of its directory")
		}
		if !strings.ContainsAny(string(content), "!") {
			for n := range strings.SplitSeq(name, "/") {
				if out, decided := l.Match("base/"+n, dir); decided != out {
					t.Error("without a ! something is kept")
				}
			}
		}
	})
}
