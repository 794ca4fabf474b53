//go:build e2e

package packages

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// host is the target that everything is built for here. deploy/ is for Linux.
var host = "linux_" + runtime.GOARCH

// clone copies what git would have in a clone to dir, changes included.
func clone(t *testing.T, dir string) {
	t.Helper()
	list := mustRun(t, root(t), nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	n := 0
	for path := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		from := filepath.Join(root(t), path)
		info, err := os.Lstat(from)
		if err != nil || !info.Mode().IsRegular() {
			continue // removed, and not committed yet
		}
		write(t, filepath.Join(dir, path), read(t, from), info.Mode().Perm())
		n++
	}
	if n < 100 {
		t.Fatalf("only %d files to build", n)
	}
}

// releases are two builds of everything that is released for the host, in two
// directories, made once for all tests.
var releases = sync.OnceValue(func() (made struct {
	dirs [2]string
	err  error
},
) {
	tmp, err := os.MkdirTemp("", "tracescrub-release-")
	made.dirs = [2]string{filepath.Join(tmp, "one"), filepath.Join(tmp, "another", "of", "other-length")}
	made.err = err
	return made
})

var releaseOnce [2]sync.Once

// released returns dist/ of one of the two builds.
func released(t *testing.T, i int) string {
	t.Helper()
	all := releases()
	if all.err != nil {
		t.Fatal(all.err)
	}
	dir := all.dirs[i]
	releaseOnce[i].Do(func() {
		clone(t, dir)
		env := []string{"GOWORK=off", "GOFLAGS=", "SOURCE_DATE_EPOCH=1700000000"}
		target := strings.ReplaceAll(host, "_", "/")
		mustRun(t, dir, env, "make", "dist", "TARGETS="+target)
		mustRun(t, dir, env, "make", "packages", "image-files")
	})
	dist := filepath.Join(dir, "dist")
	if _, err := os.Stat(filepath.Join(dist, "SHA256SUMS")); err != nil {
		t.Fatalf("the build failed: %v", err)
	}
	return dist
}

func TestMain(m *testing.M) {
	code := m.Run()
	if all := releases(); all.err == nil {
		os.RemoveAll(filepath.Dir(all.dirs[0]))
	}
	os.Exit(code)
}

// sums are the SHA-256 of all files below dir.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all[name] = fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReproducible: two builds of the same files in different directories
// give the same bytes: binaries, SBOMs, deb and rpm, what the image has.
func TestReproducible(t *testing.T) {
	one, two := sums(t, released(t, 0)), sums(t, released(t, 1))
	want := []string{
		host + "/otelcol-tracescrub", host + "/otelcol-tracescrub.cdx.json", host + "/tracescrub", host + "/tracescrub.cdx.json",
		"SHA256SUMS", "image/ca-certificates.crt",
	}
	for _, name := range want {
		if one[name] == "" {
			t.Errorf("%s was not made", name)
		}
	}
	if len(one) != len(two) || len(one) < 10 {
		t.Errorf("%d files and %d", len(one), len(two))
	}
	for name, sum := range one {
		if two[name] != sum {
			t.Errorf("%s differs", name)
		}
	}
	for line := range strings.Lines(string(read(t, filepath.Join(released(t, 0), "SHA256SUMS")))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if one[name] != sum {
			t.Errorf("SHA256SUMS: %s has another sum", name)
		}
	}
}

// TestReproducibleCold: the command line once more, compiled whole, without
// anything of the cache that the builds above share; and for the other targets.
func TestReproducibleCold(t *testing.T) {
	dirs := releases().dirs
	released(t, 0)
	clone(t, dirs[1])
	build := func(dir, target string, env ...string) [32]byte {
		t.Helper()
		goos, arch, _ := strings.Cut(target, "_")
		out := filepath.Join(t.TempDir(), "tracescrub")
		env = append(env, "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
		mustRun(t, dir, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version=v"+version(t), "-o", out, "./cmd/tracescrub")
		return sha256.Sum256(read(t, out))
	}
	if build(dirs[1], host, "GOCACHE="+t.TempDir()) != sha256.Sum256(read(t, filepath.Join(released(t, 0), host, "tracescrub"))) {
		t.Errorf("%s: a build without a cache differs from that of make dist", host)
	}
	for _, target := range []string{"linux_amd64", "linux_arm64", "darwin_arm64"} {
		if target != host && build(dirs[0], target) != build(dirs[1], target) {
			t.Errorf("%s: two directories give different bytes", target)
		}
	}
}

// version is what builder-config.yaml says.
func version(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(string(read(t, "../../builder-config.yaml"))) {
		if v, ok := strings.CutPrefix(line, "  version: "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatal("builder-config.yaml has no version")
	return ""
}

// TestStatic: the binaries need nothing of the system that they run on.
func TestStatic(t *testing.T) {
	for _, name := range []string{"otelcol-tracescrub", "tracescrub"} {
		text := read(t, filepath.Join(released(t, 0), host, name))
		if !bytes.HasPrefix(text, []byte("\x7fELF")) {
			t.Errorf("%s is no ELF file", name)
		}
		if bytes.Contains(text, []byte("/ld-linux")) || bytes.Contains(text, []byte("libc.so.")) {
			t.Errorf("%s: loads a library when it starts", name)
		}
		if bytes.Contains(text, []byte(releases().dirs[0])) {
			t.Errorf("%s: holds the directory that it was built in", name)
		}
	}
	if said := mustRun(t, "", nil, filepath.Join(released(t, 0), host, "tracescrub"), "--version"); !strings.Contains(said, version(t)) {
		t.Errorf("it says %q, not its version", said)
	}
}

// TestSBOM: each binary's SBOM names every module that is in it.
func TestSBOM(t *testing.T) {
	for name, least := range map[string]int{"otelcol-tracescrub": 100, "tracescrub": 20} {
		file := filepath.Join(released(t, 0), host, name)
		var bom cdx.BOM
		if err := json.Unmarshal(read(t, file+".cdx.json"), &bom); err != nil || bom.Components == nil {
			t.Fatalf("%s: no SBOM: %v", name, err)
		}
		var named []string
		for _, c := range *bom.Components {
			named = append(named, c.Name+"@"+c.Version)
			if !strings.HasPrefix(c.PackageURL, "pkg:golang/") {
				t.Errorf("%s: %s has no package URL", name, c.Name)
			}
		}
		n := 0
		for line := range strings.Lines(mustRun(t, "", nil, "go", "version", "-m", file)) {
			f := strings.Fields(line)
			if len(f) < 3 || f[0] != "dep" || f[1] == "github.com/tracescrub/tracescrub" {
				continue
			}
			n++
			if !slices.Contains(named, f[1]+"@"+f[2]) {
				t.Errorf("%s: %s is in it, and not in its SBOM", name, f[1])
			}
		}
		if n < least {
			t.Errorf("%s: %d modules in it, want %d or more", name, n, least)
		}
	}
}
