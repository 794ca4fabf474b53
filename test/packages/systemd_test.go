//go:build e2e

package packages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sassoftware/go-rpmutils"
)

const unitFile = "../../deploy/systemd/otelcol-tracescrub.service"

// packed is a file in a package.
type packed struct {
	mode        string // octal, permissions only
	owner       string
	conf, isDir bool
}

// wantPacked are the files of both packages that matter: who may read what.
var wantPacked = map[string]packed{
	"/usr/bin/otelcol-tracescrub":                          {mode: "755", owner: "root/root"},
	"/usr/bin/tracescrub":                                  {mode: "755", owner: "root/root"},
	"/usr/lib/systemd/system/otelcol-tracescrub.service":   {mode: "644", owner: "root/root"},
	"/usr/lib/sysusers.d/tracescrub.conf":                  {mode: "644", owner: "root/root"},
	"/etc/tracescrub/":                                     {mode: "750", owner: "root/tracescrub", isDir: true},
	"/etc/tracescrub/config.yaml":                          {mode: "640", owner: "root/tracescrub", conf: true},
	"/etc/tracescrub/environment":                          {mode: "640", owner: "root/tracescrub", conf: true},
	"/var/lib/tracescrub/":                                 {mode: "700", owner: "tracescrub/tracescrub", isDir: true},
	"/usr/share/tracescrub/gateway.yaml":                   {mode: "644", owner: "root/root"},
	"/usr/share/tracescrub/otelcol-tracescrub.schema.json": {mode: "644", owner: "root/root"},
	"/usr/share/doc/otelcol-tracescrub/LICENSE":            {mode: "644", owner: "root/root"},
}

func checkPacked(t *testing.T, got map[string]packed) {
	t.Helper()
	for name, want := range wantPacked {
		if got[name] != want {
			t.Errorf("%s: %+v, want %+v", name, got[name], want)
		}
	}
	for name, p := range got {
		if mode, err := strconv.ParseUint(p.mode, 8, 32); err != nil || mode&0o7022 != 0 {
			t.Errorf("%s: mode %s", name, p.mode)
		}
	}
}

// one is the only file that a pattern matches.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %d files", filepath.Base(pattern), len(files))
	}
	return files[0]
}

var debLine = regexp.MustCompile(`(?m)^([d-])([rwx-]{9}) (\S+) +\d+ \S+ \S+ \.(/.*)$`)

// TestDeb: what is in the deb, with which owner and mode.
func TestDeb(t *testing.T) {
	need(t, "dpkg-deb")
	deb := one(t, filepath.Join(released(t, 0), "*.deb"))
	conf := strings.Fields(mustRun(t, "", nil, "dpkg-deb", "-I", deb, "conffiles"))
	got := map[string]packed{}
	for _, m := range debLine.FindAllStringSubmatch(mustRun(t, "", nil, "dpkg-deb", "-c", deb), -1) {
		mode := 0
		for _, c := range m[2] {
			mode <<= 1
			if c != '-' {
				mode |= 1
			}
		}
		got[m[4]] = packed{mode: fmt.Sprintf("%o", mode), owner: m[3], conf: slices.Contains(conf, m[4]), isDir: m[1] == "d"}
	}
	checkPacked(t, got)
}

// TestRPM is TestDeb for the rpm.
func TestRPM(t *testing.T) {
	f, err := os.Open(one(t, filepath.Join(released(t, 0), "*.rpm")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pkg, err := rpmutils.ReadRpm(f)
	if err != nil {
		t.Fatal(err)
	}
	files, err := pkg.Header.GetFiles()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]packed{}
	for _, file := range files {
		name, dir := file.Name(), file.Mode()&0o170000 == 0o040000
		if dir {
			name += "/"
		}
		got[name] = packed{
			mode: fmt.Sprintf("%o", file.Mode()&0o7777), owner: file.UserName() + "/" + file.GroupName(),
			conf: file.Flags()&rpmutils.RPMFILE_CONFIG != 0 && file.Flags()&rpmutils.RPMFILE_NOREPLACE != 0, isDir: dir,
		}
	}
	checkPacked(t, got)
}

// TestDebInstalls: the deb is installed over a copy of this system, used as its
// user, removed and purged: configuration that was changed stays until the
// purge, data and keys stay for good.
func TestDebInstalls(t *testing.T) {
	need(t, "dpkg-deb")
	unshare := need(t, "unshare")
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts: run it as root")
	}
	out := mustRun(t, "", nil, unshare, "--mount", "sh", "-ec", `
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
cp "$2" "$1/root/package.deb"
chroot "$1/root" sh -ec '
dpkg --force-depends -i /package.deb >/dev/null 2>&1
echo "installed $(stat -c %a:%U:%G /var/lib/tracescrub /etc/tracescrub/config.yaml | tr "\n" " ")"
systemd-analyze verify /usr/lib/systemd/system/otelcol-tracescrub.service
as="setpriv --reuid tracescrub --regid tracescrub --clear-groups env TRACESCRUB_DATA=/var/lib/tracescrub"
$as tracescrub setup /var/lib/tracescrub 2>/dev/null
$as otelcol-tracescrub validate --config /etc/tracescrub/config.yaml && echo "config is valid"
echo "# mine" >> /etc/tracescrub/config.yaml
dpkg -r otelcol-tracescrub >/dev/null 2>&1
tail -n 1 /etc/tracescrub/config.yaml
test ! -e /usr/bin/tracescrub && echo "removed"
dpkg -P otelcol-tracescrub >/dev/null 2>&1
test ! -e /etc/tracescrub && echo "purged"
ls /var/lib/tracescrub/keys
'`, "sh", t.TempDir(), one(t, filepath.Join(released(t, 0), "*.deb")))
	for _, want := range []string{
		"installed 700:tracescrub:tracescrub 640:root:tracescrub", "config is valid", "# mine", "removed", "purged", "private",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// hardening is what the unit must have, whatever the score is.
var hardening = []string{
	"User=tracescrub", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
	"MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service", "SystemCallArchitectures=native", "CapabilityBoundingSet=",
	"RestrictNamespaces=yes", "LimitCORE=0", "MemorySwapMax=0", "UMask=0077", "StateDirectoryMode=0700",
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// exposed to the system: systemd's own judgement, 0 (nothing) to 10.
func exposedBy(t *testing.T, unit string) float64 {
	t.Helper()
	// A unit is verified with a program that is there.
	unit = strings.ReplaceAll(unit, "/usr/bin/otelcol-tracescrub", "/bin/true")
	file := filepath.Join(t.TempDir(), "otelcol-tracescrub.service")
	write(t, file, []byte(unit), 0o644)
	if out, err := command(t, "", nil, "systemd-analyze", "verify", file); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, _ := command(t, "", nil, "systemd-analyze", "security", "--offline=true", "--no-pager", file) // its exit code is about a threshold of its own
	m := exposure.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level in\n%s", out)
	}
	level, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return level
}

// TestUnit: the unit is one that systemd understands, and is hardened.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze")
	const most = 1.5 // of 10
	unit := string(read(t, unitFile))
	for _, line := range hardening {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if level := exposedBy(t, unit); level > most {
		t.Errorf("exposure level %.1f, want at most %.1f", level, most)
	}
	// The judge judges: without the lines it is worse.
	soft := strings.NewReplacer("ProtectSystem=strict\n", "", "SystemCallFilter=@system-service\n", "", "CapabilityBoundingSet=\n", "").Replace(unit)
	if level := exposedBy(t, soft); level <= most {
		t.Errorf("exposure level %.1f without its hardening", level)
	}
}
